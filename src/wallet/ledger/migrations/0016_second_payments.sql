-- depends: 0012_top_ups 0015_comments

-- Payments of a top-up beside the one in its row: a card was charged twice, or a transfer came twice. Each is recorded before
-- the ledger credits it under the key that follows from the payment. Amounts are micros.
CREATE TABLE second_payments (
    -- The provider's id.
    payment      text        PRIMARY KEY,
    company_id   text        NOT NULL,
    -- NULL: it was credited before there was this table, and its top-up is in the log alone.
    top_up_id    text,
    amount       bigint      NOT NULL CHECK (amount > 0),
    card_brand   text,
    card_last4   text,
    -- NULL: on its way into the ledger.
    entry_number bigint,
    created_at   timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (company_id, top_up_id) REFERENCES top_ups
);

CREATE INDEX second_payments_of_top_up ON second_payments (company_id, top_up_id);

INSERT INTO second_payments (payment, company_id, amount, entry_number)
SELECT substr(idempotency_key, length('~second-payment:') + 1), company_id, amount, number FROM entries
WHERE kind = 2 AND idempotency_key LIKE '~second-payment:%';
