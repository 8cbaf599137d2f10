-- depends: 0007_events

-- Automatic top-ups: below what they happen, by how much, and each that was begun. Amounts are micros.

CREATE TABLE auto_top_ups (
    company_id       text        PRIMARY KEY,
    -- Below it, what is available is topped up. Hot wallets are loaded with it: it changes only with the wallet's epoch.
    threshold        bigint      NOT NULL CHECK (threshold BETWEEN 1 AND 9000000000000000),
    amount           bigint      NOT NULL CHECK (amount BETWEEN 1 AND 9000000000000000),
    -- The saved card's id.
    payment_method   text        NOT NULL,
    -- At most so much in a day and a month of UTC; NULL: no bound.
    day_amount_max   bigint      CHECK (day_amount_max > 0),
    month_amount_max bigint      CHECK (month_amount_max > 0),
    -- More than that in a day is a runaway, and pauses the rule.
    day_count_max    integer     NOT NULL CHECK (day_count_max > 0),
    month_count_max  integer     CHECK (month_count_max > 0),
    -- 1 active, 2 paused
    state            smallint    NOT NULL DEFAULT 1 CHECK (state IN (1, 2)),
    -- 1 asked for, 2 declines, 3 runaway, 4 dispute
    pause_reason     smallint    CHECK (pause_reason IN (1, 2, 3, 4)),
    paused_at        timestamptz,
    -- When a person let it go on: what was before is no runaway of now.
    resumed_at       timestamptz,
    -- How often it was paused, in all of its life.
    pauses           bigint      NOT NULL DEFAULT 0,
    -- How often the card was declined since it last paid.
    declines         integer     NOT NULL DEFAULT 0,
    -- Nothing is begun before: the card was declined, or a bound is reached until then.
    wait_until       timestamptz,
    -- Whether the company had the mail that confirms its first automatic top-up.
    confirmed        boolean     NOT NULL DEFAULT false,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CHECK ((state = 2) = (pause_reason IS NOT NULL) AND (state = 2) = (paused_at IS NOT NULL))
);

-- A firing is the intent of one top-up, and its number names it: "auto-7". Whoever begins or continues it begins or
-- continues that one top-up. They stay when the rule goes, so a number is never given twice, and bounds count them.
CREATE TABLE auto_top_up_firings (
    company_id     text        NOT NULL,
    number         bigint      NOT NULL,
    amount         bigint      NOT NULL CHECK (amount > 0),
    currency       text        NOT NULL,
    payment_method text        NOT NULL,
    -- 1 in flight, 2 succeeded, 3 failed
    state          smallint    NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)),
    -- Whether it counts as a decline of the card: also while it is in flight, where the bank wants the customer.
    declined       boolean     NOT NULL DEFAULT false,
    failure_code   text        NOT NULL DEFAULT '',
    -- How often there was no answer, in a row; and when somebody asks next for what has become of it.
    tries          integer     NOT NULL DEFAULT 0,
    due_at         timestamptz NOT NULL,
    fired_at       timestamptz NOT NULL DEFAULT now(),
    ended_at       timestamptz,
    PRIMARY KEY (company_id, number)
);

-- One top-up in flight a company, whatever happens.
CREATE UNIQUE INDEX auto_top_ups_in_flight ON auto_top_up_firings (company_id) WHERE state = 1;
CREATE INDEX auto_top_ups_due ON auto_top_up_firings (due_at) WHERE state = 1;
-- What counts in a month.
CREATE INDEX auto_top_ups_fired ON auto_top_up_firings (company_id, fired_at);
