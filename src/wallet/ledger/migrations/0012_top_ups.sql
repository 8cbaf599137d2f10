-- depends: 0007_events

-- Top-ups, their refunds, and chargebacks. The money moves in `entries`, each time under a key that follows from the row
-- here that it is for: whatever dies in between, what is here can be done again.
-- Amounts are micros.

-- Who a company is to the payment provider.
CREATE TABLE payment_customers (
    company_id text        PRIMARY KEY,
    customer   text        NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE top_ups (
    company_id        text        NOT NULL,
    -- The request's idempotency key.
    top_up_id         text        NOT NULL,
    -- Grows from top-up to top-up.
    serial            bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    fingerprint       bytea       NOT NULL,
    -- 1 manual, 2 card, 3 saved card, 4 bank transfer
    method            smallint    NOT NULL CHECK (method IN (1, 2, 3, 4)),
    -- 1 pending, 2 requires action, 3 succeeded, 4 failed, 5 canceled
    state             smallint    NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3, 4, 5)),
    -- As announced.
    amount            bigint      NOT NULL CHECK (amount > 0),
    currency          text        NOT NULL,
    reference         text        NOT NULL,
    requested_by      text        NOT NULL,
    automatic         boolean     NOT NULL,
    card              text        NOT NULL,
    save_card         boolean     NOT NULL,
    -- What the customer of a bank transfer writes into it; empty otherwise.
    payment_reference text        NOT NULL,
    -- Of the provider's calls: nobody else's, wherever else this provider's account is used.
    provider_key      text        NOT NULL DEFAULT gen_random_uuid()::text,
    -- The provider's id; NULL: none, or not known yet.
    payment           text        UNIQUE,
    card_brand        text,
    card_last4        text,
    failure_code      text        NOT NULL DEFAULT '',
    failure_message   text        NOT NULL DEFAULT '',
    -- What came in, pinned before the ledger is asked to credit it.
    cleared           bigint      CHECK (cleared > 0),
    entry_number      bigint,
    balance_after     bigint,
    -- What has gone back or is on its way, by top_up_refunds that did not fail.
    refunded          bigint      NOT NULL DEFAULT 0 CHECK (refunded BETWEEN 0 AND coalesce(cleared, 0)),
    -- When the sweep looks next, while it is under way.
    look_at           timestamptz NOT NULL DEFAULT now(),
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, top_up_id),
    CHECK (state <> 3 OR (cleared IS NOT NULL AND entry_number IS NOT NULL))
) WITH (fillfactor = 70);

-- What the sweep looks at: a bank transfer waits for people, unless its amount is pinned.
CREATE INDEX top_ups_under_way ON top_ups (look_at) WHERE state IN (1, 2) AND (method <> 4 OR cleared IS NOT NULL);
CREATE INDEX top_ups_of_company ON top_ups (company_id, serial);
CREATE UNIQUE INDEX top_ups_payment_reference ON top_ups (payment_reference) WHERE payment_reference <> '';

CREATE TABLE top_up_refunds (
    company_id      text        NOT NULL,
    -- The request's idempotency key.
    refund_id       text        NOT NULL,
    serial          bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    fingerprint     bytea       NOT NULL,
    top_up_id       text        NOT NULL,
    -- 1 pending, 2 succeeded, 3 failed
    state           smallint    NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)),
    amount          bigint      NOT NULL CHECK (amount > 0),
    reason          text        NOT NULL,
    requested_by    text        NOT NULL,
    provider_key    text        NOT NULL DEFAULT gen_random_uuid()::text,
    provider_refund text        UNIQUE,
    debit_number    bigint,
    return_number   bigint,
    -- Set with what the provider said no with: the money is to be put back.
    failure_code    text        NOT NULL DEFAULT '',
    -- Whether its amount is counted in top_ups.refunded.
    reserved        boolean     NOT NULL DEFAULT true,
    look_at         timestamptz NOT NULL DEFAULT now(),
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, refund_id),
    FOREIGN KEY (company_id, top_up_id) REFERENCES top_ups
);

-- What the sweep looks at: also, once, what was declined, since somebody else may have debited it at the same time.
CREATE INDEX top_up_refunds_due ON top_up_refunds (look_at) WHERE state = 1 OR (state = 3 AND debit_number IS NULL);
CREATE INDEX top_up_refunds_of_top_up ON top_up_refunds (company_id, top_up_id, serial);

CREATE TABLE chargebacks (
    company_id    text        NOT NULL,
    -- The provider's id.
    chargeback_id text        NOT NULL,
    serial        bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    top_up_id     text        NOT NULL,
    -- 1 inquiry, 2 open, 3 won, 4 lost: it never goes back.
    state         smallint    NOT NULL CHECK (state IN (1, 2, 3, 4)),
    amount        bigint      NOT NULL CHECK (amount > 0),
    currency      text        NOT NULL,
    reason        text        NOT NULL,
    debit_number  bigint,
    credit_number bigint,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, chargeback_id),
    FOREIGN KEY (company_id, top_up_id) REFERENCES top_ups
);

-- What the sweep finishes: an entry is missing that the state calls for.
CREATE INDEX chargebacks_unfinished ON chargebacks (serial)
    WHERE (state >= 2 AND debit_number IS NULL) OR (state = 3 AND credit_number IS NULL);

-- The entry of the company's last top-up when it was looked at: a later one arms its alerts again.
ALTER TABLE alerts ADD COLUMN seen_top_up bigint NOT NULL DEFAULT 0;
