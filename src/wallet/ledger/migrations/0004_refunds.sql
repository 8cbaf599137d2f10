-- depends: 0001_ledger

-- Refunds that are made by the service itself: jobs for many charges, a policy for delivery reports, and cases that people
-- decide. The money moves in `entries`, each time under a key that follows from the row here that it is for; so whatever
-- dies in between, what is here can be done again.
-- Amounts are micros; times in bigint are microseconds since the epoch.

CREATE TABLE refund_jobs (
    job_id           text        PRIMARY KEY,
    -- Grows from job to job.
    serial           bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    -- Of the request that made it.
    fingerprint      bytea       NOT NULL,
    -- 1 running, 2 succeeded, 3 canceled
    state            smallint    NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)),
    reason           text        NOT NULL,
    requested_by     text        NOT NULL,
    reference        text        NOT NULL,
    -- Which charges: a filter, of which NULL matches everything; or, where `listed` is not 0, those that are named.
    company_id       text,
    starts_at        bigint,
    ends_at          bigint,
    channel          smallint,
    country          text,
    campaign_id      text,
    contact_id       text,
    listed           bigint      NOT NULL,
    -- What there was when it was made.
    expected         bigint      NOT NULL,
    -- Everything is done up to this number of this company; companies before it are through.
    at_company       text        NOT NULL DEFAULT '',
    at_number        bigint      NOT NULL DEFAULT 0,
    -- Counted together with the move of the place.
    matched          bigint      NOT NULL DEFAULT 0,
    refunded         bigint      NOT NULL DEFAULT 0,
    already_refunded bigint      NOT NULL DEFAULT 0,
    failed           bigint      NOT NULL DEFAULT 0,
    -- The first that failed: [[company, number, reason], …].
    failures         jsonb       NOT NULL DEFAULT '[]',
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    ended_at         timestamptz,
    CHECK ((listed > 0) <> (starts_at IS NOT NULL AND ends_at IS NOT NULL))
) WITH (fillfactor = 50);

CREATE INDEX refund_jobs_running ON refund_jobs (serial) WHERE state = 1;

CREATE TABLE refund_job_amounts (
    job_id   text   NOT NULL REFERENCES refund_jobs,
    currency text   NOT NULL,
    expected bigint NOT NULL,
    refunded bigint NOT NULL,
    PRIMARY KEY (job_id, currency)
);

CREATE TABLE refund_job_charges (
    job_id     text   NOT NULL REFERENCES refund_jobs,
    company_id text   NOT NULL,
    number     bigint NOT NULL,
    PRIMARY KEY (job_id, company_id, number)
);

-- The policy: the first rule that fits decides.
CREATE TABLE refund_rules (
    place        integer  PRIMARY KEY,
    -- NULL: all.
    channel      smallint,
    carrier_code text     NOT NULL,
    -- Whether carrier_code is what codes begin with.
    is_prefix    boolean  NOT NULL,
    -- 1 refund, 2 open a case
    action       smallint NOT NULL CHECK (action IN (1, 2)),
    description  text     NOT NULL
);

-- One row: when the policy last changed. Whoever changes it locks the row.
CREATE TABLE refund_policy (
    single     boolean     PRIMARY KEY DEFAULT true CHECK (single),
    updated_at timestamptz
);
INSERT INTO refund_policy DEFAULT VALUES;

-- Reports that something was not delivered: the first of each charge, and what was decided then. Reports that all was
-- delivered are not kept: there is one for nearly every charge.
CREATE TABLE delivery_reports (
    company_id    text        NOT NULL,
    number        bigint      NOT NULL,
    status        smallint    NOT NULL,
    carrier_code  text        NOT NULL,
    delivered     bigint      NOT NULL,
    total         bigint      NOT NULL,
    action        smallint    NOT NULL CHECK (action IN (1, 2)),
    -- Whether what follows from it is done.
    finished      boolean     NOT NULL,
    refund_number bigint,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, number)
);

CREATE INDEX delivery_reports_unfinished ON delivery_reports (created_at) WHERE NOT finished;

CREATE TABLE refund_cases (
    company_id      text        NOT NULL,
    case_id         text        NOT NULL,
    -- Grows from case to case.
    serial          bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    -- Of the charge.
    number          bigint      NOT NULL,
    -- 1 open, 2 refunding, 3 refunded, 4 rejected
    state           smallint    NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3, 4)),
    -- 1 delivery report, 2 contradiction, 3 request
    origin          smallint    NOT NULL CHECK (origin IN (1, 2, 3)),
    description     text        NOT NULL,
    requested_by    text        NOT NULL,
    fingerprint     bytea       NOT NULL,
    -- The report, where there is one.
    status          smallint,
    carrier_code    text,
    delivered       bigint,
    total           bigint,
    -- The decision, from state 2 on. amount NULL: all that is left.
    decided_refund  boolean,
    amount          bigint,
    reason          text,
    decided_by      text,
    note            text,
    refund_number   bigint,
    created_at      timestamptz NOT NULL DEFAULT now(),
    decided_at      timestamptz,
    PRIMARY KEY (company_id, case_id)
);

CREATE INDEX refund_cases_open ON refund_cases (serial) WHERE state = 1;
CREATE INDEX refund_cases_refunding ON refund_cases (serial) WHERE state = 2;
CREATE INDEX refund_cases_of_company ON refund_cases (company_id, serial);
