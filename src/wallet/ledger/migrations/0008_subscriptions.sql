-- depends: 0007_events

-- Recurring charges. A row is the intent: which periods are charged and which comes next; the money moves in `entries`, under
-- a key that follows from the subscription and the period's number. So whatever dies in between, what is here can be done
-- again. Amounts are micros; times in bigint are microseconds since the epoch.
CREATE TABLE subscriptions (
    company_id           text        NOT NULL REFERENCES companies,
    subscription_id      text        NOT NULL,
    -- Grows from subscription to subscription.
    serial               bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    -- Of the request that made it.
    fingerprint          bytea       NOT NULL,
    -- Counts changes: who changes a row must have seen the one before.
    version              bigint      NOT NULL DEFAULT 0,
    -- 1 pending, 2 active, 3 past due, 4 suspended, 5 canceled
    state                smallint    NOT NULL CHECK (state IN (1, 2, 3, 4, 5)),
    display_name         text        NOT NULL,
    -- What each period is charged for. `number` in E.164, or empty: it prices, by the card of the day.
    channel              smallint    NOT NULL,
    variant              text        NOT NULL,
    number               text        NOT NULL,
    country              text        NOT NULL,
    quantity             bigint      NOT NULL CHECK (quantity > 0),
    campaign_id          text        NOT NULL,
    contact_id           text        NOT NULL,
    -- NULL: as the rate card says.
    amount               bigint      CHECK (amount BETWEEN 1 AND 9000000000000000),
    grace_seconds        bigint      NOT NULL CHECK (grace_seconds >= 0),
    -- The calendar, as wallet.domain.periods.Schedule.
    period_unit          smallint    NOT NULL CHECK (period_unit IN (1, 2, 3)),
    period_count         integer     NOT NULL CHECK (period_count > 0),
    anchor_day           smallint    NOT NULL CHECK ((period_unit = 3) = (anchor_day BETWEEN 1 AND 31)),
    origin_at            bigint      NOT NULL,
    first_period         bigint      NOT NULL DEFAULT 1,
    starts_at            bigint      NOT NULL,
    -- Whether the first period is charged by the request that makes it, which answers for a decline.
    at_once              boolean     NOT NULL,
    -- How many periods are charged, from the first one on without a gap; the last of them, and its entry.
    charged              bigint      NOT NULL DEFAULT 0 CHECK (charged >= 0),
    period_starts_at     bigint,
    period_ends_at       bigint,
    last_number          bigint,
    -- When somebody has to look at it; NULL: not by itself.
    due_at               bigint,
    -- Since when its period is declined, how often, and why at last.
    past_due_at          bigint,
    declines             integer     NOT NULL DEFAULT 0,
    declined             text        NOT NULL DEFAULT '',
    -- Suspended: since when it is to be active again, and that is not done yet.
    resumed_at           bigint,
    cancel_at_period_end boolean     NOT NULL DEFAULT false,
    canceled_at          bigint,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, subscription_id)
) WITH (fillfactor = 70);

CREATE INDEX subscriptions_due ON subscriptions (due_at, serial) WHERE due_at IS NOT NULL;
CREATE INDEX subscriptions_of_company ON subscriptions (company_id, serial);
