-- Companies, their wallets, the append-only ledger and the authorizations.
-- Every key starts with company_id, so that all tables can be distributed by company.
-- Amounts are micros; times in bigint are microseconds since the epoch, on Redis's clock.

CREATE TABLE companies (
    company_id    text        PRIMARY KEY,
    display_name  text        NOT NULL,
    billing_email text        NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE wallets (
    company_id  text     PRIMARY KEY REFERENCES companies,
    currency    text     NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    floor       bigint   NOT NULL CHECK (floor BETWEEN -9000000000000000 AND 9000000000000000),
    state       smallint NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)),
    -- Channels and countries that nothing new is charged for: '1 3 DE FR', each once.
    blocked     text     NOT NULL DEFAULT '',
    -- Whether there are spend limits: most companies have none, and nothing is asked for them.
    limited     boolean  NOT NULL DEFAULT false,
    -- The load or settings change that hot wallets must stem from; entries of an older one are refused.
    epoch       bigint   NOT NULL DEFAULT 0,
    -- The highest seq that has been written of this epoch.
    last_seq    bigint   NOT NULL DEFAULT 0,
    last_number bigint   NOT NULL DEFAULT 0,
    balance     bigint   NOT NULL DEFAULT 0 CHECK (balance BETWEEN -9000000000000000 AND 9000000000000000),
    held        bigint   NOT NULL DEFAULT 0 CHECK (held BETWEEN 0 AND 9000000000000000),
    last_at     bigint   NOT NULL DEFAULT 0
) WITH (fillfactor = 50);  -- Room for the new version of a row on its own page: updates touch no index.

CREATE TABLE entries (
    company_id       text        NOT NULL,
    number           bigint      NOT NULL,
    kind             smallint    NOT NULL,
    amount           bigint      NOT NULL,
    held_delta       bigint      NOT NULL,
    balance_after    bigint      NOT NULL,
    held_after       bigint      NOT NULL,
    floor            bigint      NOT NULL,
    checked          boolean     NOT NULL,
    -- A capture after its authorization had expired: a charge.
    late             boolean     NOT NULL DEFAULT false,
    idempotency_key  text        NOT NULL,
    fingerprint      bytea       NOT NULL,
    epoch            bigint      NOT NULL,
    seq              bigint      NOT NULL,
    authorization_id text,
    refunded_number  bigint,
    channel          smallint,
    variant          text,
    country          text,
    quantity         bigint,
    campaign_id      text,
    contact_id       text,
    reference        text,
    -- Why it was made, and who asked: for what people do, such as refunds.
    reason           text,
    requested_by     text,
    -- How the usage came to the amount, as wallet.domain.pricing.Price; NULL where the request named it.
    price            json,
    created_at       bigint      NOT NULL,
    PRIMARY KEY (company_id, number),
    CONSTRAINT entries_once UNIQUE (company_id, idempotency_key)
);

-- Statistics taken while most companies have one entry say that company_id alone finds a row, and a plan that is kept
-- from then on reads all entries of a company for each look-up of a key.
ALTER TABLE entries ALTER COLUMN company_id SET (n_distinct = -0.01);

-- Refunds of one charge are summed under the wallet's lock.
CREATE INDEX entries_refunds ON entries (company_id, refunded_number) WHERE refunded_number IS NOT NULL;

CREATE TABLE authorizations (
    company_id       text     NOT NULL,
    authorization_id text     NOT NULL,
    state            smallint NOT NULL CHECK (state IN (1, 2, 3, 4)),
    -- What has been authorized in all: captured + held while open.
    amount           bigint   NOT NULL,
    captured         bigint   NOT NULL,
    held             bigint   NOT NULL CHECK (held >= 0),
    ttl_seconds      integer  NOT NULL,
    expires_at       bigint   NOT NULL,
    created_at       bigint   NOT NULL,
    opened_number    bigint   NOT NULL,
    channel          smallint,
    variant          text,
    country          text,
    quantity         bigint,
    campaign_id      text,
    contact_id       text,
    price            json,
    PRIMARY KEY (company_id, authorization_id)
);

-- What is loaded with a wallet, and what the sweep of expired ones walks.
CREATE INDEX authorizations_open ON authorizations (company_id, authorization_id) WHERE state = 1;
CREATE INDEX authorizations_due ON authorizations (expires_at) WHERE state = 1;

-- At most `amount` is spent in a window, as wallet.domain.limits. Windows: 1 hour, 2 day, 3 month, in UTC.
CREATE TABLE spend_limits (
    company_id  text     NOT NULL REFERENCES wallets,
    limit_id    text     NOT NULL COLLATE "C",
    time_window smallint NOT NULL CHECK (time_window IN (1, 2, 3)),
    -- What counts; NULL: all.
    channel     smallint,
    country     text,
    amount      bigint   NOT NULL CHECK (amount BETWEEN 0 AND 9000000000000000),
    -- Where the window begins that it was made in: what belongs to earlier ones is not counted.
    counts_from bigint   NOT NULL,
    -- The number of the wallet's last entry when it was made.
    made_at     bigint   NOT NULL,
    PRIMARY KEY (company_id, limit_id)
);

-- What is spent. Written with the entries that it sums up, under the lock of the wallet's row.
CREATE TABLE spend_counters (
    company_id text   NOT NULL,
    limit_id   text   NOT NULL COLLATE "C",
    starts_at  bigint NOT NULL,
    spent      bigint NOT NULL,
    PRIMARY KEY (company_id, limit_id, starts_at),
    FOREIGN KEY (company_id, limit_id) REFERENCES spend_limits ON DELETE CASCADE
) WITH (fillfactor = 50);

-- Facts that every process must agree on, such as the number of partitions of the hot state.
CREATE TABLE settings (
    name  text PRIMARY KEY,
    value text NOT NULL
);

-- Entries whose data Postgres refused, for a person to look at.
CREATE TABLE quarantine (
    id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    company    bytea       NOT NULL,
    attempt    text        NOT NULL,
    command    bytea       NOT NULL,
    error      text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- What a change adds to what is spent, when, and on what: functions/limits.sql.
CREATE TYPE spending AS (
    at           bigint,
    held_channel smallint,
    held_country text,
    held         bigint,
    channel      smallint,
    country      text,
    taken        bigint
);

-- What the engine hands to ledger_append: one command as Redis took or refused it.
CREATE TYPE ledger_attempt AS (
    asked            text,
    company_id       text,
    idempotency_key  text,
    fingerprint      bytea,
    kind             smallint,
    epoch            bigint,
    seq              bigint,
    amount           bigint,
    held_delta       bigint,
    checked          boolean,
    closes           boolean,
    late             boolean,
    applied_at       bigint,
    authorization_id text,
    ttl_seconds      integer,
    refunded_number  bigint,
    channel          smallint,
    variant          text,
    country          text,
    quantity         bigint,
    campaign_id      text,
    contact_id       text,
    reference        text,
    reason           text,
    requested_by     text,
    price            json
);

-- What ledger_append says of it. `recorded` is the entry of the key where there was one before; `number` to `created_at`
-- are those of the entry where it was written now; the wallet is as of the end of the attempt.
CREATE TYPE ledger_answer AS (
    answer        text,
    number        bigint,
    balance_after bigint,
    held_after    bigint,
    created_at    bigint,
    refundable    bigint,
    currency      text,
    balance       bigint,
    held          bigint,
    floor         bigint,
    state         smallint,
    epoch         bigint,
    last_seq      bigint,
    last_at       bigint,
    recorded      entries,
    hold          authorizations,
    -- The spend limit that it would pass, what is spent of it, what it would add, and the start of the window.
    passed        spend_limits,
    passed_start  bigint,
    passed_spent  bigint,
    passed_delta  bigint,
    -- What it takes of what is available, where it was declined.
    required      bigint
);
