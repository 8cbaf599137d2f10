-- depends: 0005_mails

-- Low-balance alerts: what each company wants to be warned of, and how it stands.

-- Companies without a row have the defaults (wallet/domain/alerts.py). Of each pair one is given, or neither: the default.
CREATE TABLE alert_policies (
    company_id       text PRIMARY KEY,
    -- Seconds of usage left.
    warning_seconds  bigint CHECK (warning_seconds > 0),
    -- Micros left.
    warning_amount   bigint CHECK (warning_amount >= 0),
    critical_seconds bigint CHECK (critical_seconds > 0),
    critical_amount  bigint CHECK (critical_amount >= 0),
    CHECK (warning_seconds IS NULL OR warning_amount IS NULL),
    CHECK (critical_seconds IS NULL OR critical_amount IS NULL)
);

-- Written under this row's lock together with the mail of a crossing, so each crossing makes one. No foreign key: its check
-- would lock the wallet's row, which charges need.
CREATE TABLE alerts (
    company_id   text        PRIMARY KEY,
    -- 1 ok, 2 warning, 3 critical
    state        smallint    NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)),
    -- The lowest balance seen in this state, in micros.
    lowest       bigint      NOT NULL DEFAULT 0,
    -- How often the state has changed.
    changes      bigint      NOT NULL DEFAULT 0,
    changed_at   timestamptz,
    -- The wallet's last entry and its floor when it was looked at. -1: to be looked at again.
    seen_number  bigint      NOT NULL DEFAULT 0,
    seen_floor   bigint      NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
