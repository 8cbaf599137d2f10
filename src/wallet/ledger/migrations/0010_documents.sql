-- depends: 0006_alerts

-- Receipts of top-ups, and what they and monthly statements name: the seller, and each company's billing profile.

-- One row, or none before the seller is set for the first time.
CREATE TABLE sellers (
    singleton     boolean     PRIMARY KEY DEFAULT true CHECK (singleton),
    name          text        NOT NULL CHECK (name <> ''),
    address_lines text[]      NOT NULL,
    tax_id        text        NOT NULL,
    email         text        NOT NULL,
    number_prefix text        NOT NULL CHECK (number_prefix ~ '^[A-Z][A-Z0-9]{0,9}$'),
    footer        text        NOT NULL,
    updated_at    timestamptz NOT NULL DEFAULT now()
);

-- Companies without a row have the defaults (wallet/domain/receipts.py).
CREATE TABLE billing_profiles (
    company_id        text        PRIMARY KEY REFERENCES companies,
    legal_name        text        NOT NULL,
    address_lines     text[]      NOT NULL,
    country           text        NOT NULL,
    tax_id            text        NOT NULL,
    -- 1 none, 2 included, 3 reverse charge
    treatment         smallint    NOT NULL CHECK (treatment IN (1, 2, 3)),
    rate_basis_points integer     NOT NULL CHECK (rate_basis_points BETWEEN 0 AND 10000),
    tax_label         text        NOT NULL,
    note              text        NOT NULL,
    updated_at        timestamptz NOT NULL DEFAULT now()
);

-- How far each series of numbers is. A number is taken by the transaction that writes its receipt, under this row's lock:
-- a transaction that fails gives its number back, so there are no gaps.
CREATE TABLE receipt_series (
    prefix    text    NOT NULL,
    -- The calendar year of issue, in UTC.
    year      integer NOT NULL,
    last      bigint  NOT NULL,
    -- When the last one was issued: times never go back within a series.
    issued_at bigint  NOT NULL,
    PRIMARY KEY (prefix, year)
) WITH (fillfactor = 50);

CREATE TABLE receipts (
    company_id text     NOT NULL,
    -- Of the entry that it is for.
    number     bigint   NOT NULL,
    -- 1 top-up
    kind       smallint NOT NULL CHECK (kind = 1),
    prefix     text     NOT NULL,
    year       integer  NOT NULL,
    serial     bigint   NOT NULL,
    issued_at  bigint   NOT NULL,
    -- wallet.domain.receipts.Receipt: seller, buyer, tax and amounts as they were then.
    content    jsonb    NOT NULL,
    PRIMARY KEY (company_id, number),
    UNIQUE (prefix, year, serial)
);

-- Up to which entry a company's top-ups have their receipts. Its lock makes one issuer of a company wait for another. No
-- foreign key: its check would lock the wallet's row, which charges need.
CREATE TABLE receipt_marks (
    company_id text   PRIMARY KEY,
    number     bigint NOT NULL
) WITH (fillfactor = 50);

-- Money that people move: 2 top-ups, 3 adjustments. Few rows among many, and no charge writes it.
CREATE INDEX entries_money ON entries (company_id, number) WHERE kind IN (2, 3);
