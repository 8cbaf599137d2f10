-- depends: 0007_events

-- Where companies have their events sent, one endpoint a company.
CREATE TABLE webhooks (
    company_id         text        PRIMARY KEY,
    url                text        NOT NULL,
    -- wallet.domain.notices.EventType; empty: all of them.
    event_types        text[]      NOT NULL DEFAULT '{}',
    -- 1 enabled, 2 disabled by the company, 3 paused by the service
    state              smallint    NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)),
    -- What signatures are made with, and beside it the one before until its time is up.
    secret             text        NOT NULL,
    previous_secret    text,
    previous_until     timestamptz,
    -- Tries in vain since the last that got through, and since when.
    failures           integer     NOT NULL DEFAULT 0,
    failing_since      timestamptz,
    -- When it is to be tried next: it rests after a failure, whatever waits for it.
    due_at             timestamptz NOT NULL DEFAULT now(),
    -- Until then whoever has claimed it is sending to it; so one company's events are sent one after the other.
    claimed_until      timestamptz,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
) WITH (fillfactor = 70);

ALTER TABLE events
    -- 1 for nobody, 2 waiting, 3 delivered, 4 given up
    ADD COLUMN delivery     smallint    NOT NULL DEFAULT 1 CHECK (delivery IN (1, 2, 3, 4)),
    -- When it is to be tried next.
    ADD COLUMN due_at       timestamptz NOT NULL DEFAULT now(),
    -- Since when it has been wanted: it happened then, or somebody asked for it again.
    ADD COLUMN wanted_at    timestamptz NOT NULL DEFAULT now(),
    -- How often it was sent in all, and in vain since it has been wanted.
    ADD COLUMN attempts     integer     NOT NULL DEFAULT 0,
    ADD COLUMN failures     integer     NOT NULL DEFAULT 0,
    ADD COLUMN attempted_at timestamptz,
    ADD COLUMN delivered_at timestamptz,
    -- Why the last attempt failed.
    ADD COLUMN error        text;

CREATE INDEX events_by_serial ON events (company_id, serial);
CREATE INDEX events_waiting ON events (company_id, serial) WHERE delivery = 2;
