-- depends: 0002_rates

-- What a company used and spent, by day. A sum of its entries that can be made again from them at any time: kept so that
-- nobody waits for a scan, and written by nothing that charges wait for.

-- Amounts in micros, quantities in the channel's unit. A day is UTC's, of the entry itself.
CREATE TABLE usage_days (
    company_id   text     NOT NULL,
    day          date     NOT NULL,
    -- 0 and '' where the entry names none.
    channel      smallint NOT NULL,
    country      text     NOT NULL COLLATE "C",
    -- Charges and captures.
    transactions bigint   NOT NULL,
    used         bigint   NOT NULL,
    billed       bigint   NOT NULL,
    spent        bigint   NOT NULL,
    refunds      bigint   NOT NULL,
    refunded     bigint   NOT NULL,
    PRIMARY KEY (company_id, day, channel, country)
) WITH (fillfactor = 70);

-- Up to which entry `usage_days` counts. It is written together with what it counts, under the lock of this row: each
-- entry is counted once, whoever does it. No foreign key: its check would lock the wallet's row, which charges need.
CREATE TABLE rollups (
    company_id text   PRIMARY KEY,
    number     bigint NOT NULL
) WITH (fillfactor = 50);

-- Which process does a piece of background work for now. It spares work; that a thing is done once is seen to elsewhere.
CREATE TABLE leases (
    name       text        PRIMARY KEY,
    holder     text        NOT NULL,
    expires_at timestamptz NOT NULL
);
