-- depends: 0001_ledger

-- Rate cards and their rates. Entries keep a copy of what they were priced by, so a rate that can no longer be in force
-- is deleted.

CREATE TABLE rate_cards (
    card_id      text        PRIMARY KEY,
    currency     text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- The card that is asked where this one has no rate.
    parent_id    text        REFERENCES rate_cards,
    display_name text        NOT NULL,
    -- Counts the changes of the card and of its rates.
    version      bigint      NOT NULL DEFAULT 1,
    rate_count   bigint      NOT NULL DEFAULT 0,
    -- `pricing_change()` of the last one.
    change       bigint      NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX rate_cards_changes ON rate_cards (change);

-- Amounts in micros, quantities in the channel's unit, times in microseconds since the epoch; as wallet.domain.rates.Rate.
CREATE TABLE rates (
    card_id          text     NOT NULL REFERENCES rate_cards,
    channel          smallint NOT NULL,
    variant          text     NOT NULL COLLATE "C",
    destination      text     NOT NULL COLLATE "C",
    effective_at     bigint   NOT NULL,
    -- 0 where it has no end.
    expires_at       bigint   NOT NULL,
    unit_price       bigint   NOT NULL CHECK (unit_price BETWEEN 0 AND 9000000000000),
    connect_fee      bigint   NOT NULL CHECK (connect_fee BETWEEN 0 AND 9000000000000),
    minimum_quantity bigint   NOT NULL CHECK (minimum_quantity BETWEEN 0 AND 1000000000),
    first_increment  bigint   NOT NULL CHECK (first_increment BETWEEN 0 AND 1000000000),
    next_increment   bigint   NOT NULL CHECK (next_increment BETWEEN 1 AND 1000000000),
    description      text     NOT NULL,
    PRIMARY KEY (card_id, channel, variant, destination, effective_at)
);

-- One row: the number of the last change of anything that prices. Who changes something locks it last, and so changes
-- become visible in the order of their numbers: a process that knows number n has missed nothing below it.
CREATE TABLE pricing (
    change bigint NOT NULL
);
INSERT INTO pricing VALUES (0);

-- Count a change, and have everybody told when it is committed. To be called once in a transaction, last.
CREATE FUNCTION pricing_change() RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    number bigint;
BEGIN
    UPDATE pricing SET change = change + 1 RETURNING change INTO number;
    PERFORM pg_notify('pricing', number::text);
    RETURN number;
END
$$;

ALTER TABLE companies
    -- Whose rates price its usage; NULL: none.
    ADD COLUMN rate_card text REFERENCES rate_cards,
    -- `pricing_change()` of its last change of card.
    ADD COLUMN pricing_change bigint NOT NULL DEFAULT 0;

CREATE INDEX companies_pricing_changes ON companies (pricing_change) WHERE pricing_change > 0;
