-- depends: 0006_alerts

-- What happened to a company that its people and programs are told of: an event is put here by the transaction that makes
-- its cause, together with its mail, so each cause makes one.
CREATE TABLE events (
    company_id text        NOT NULL,
    -- What it comes of: one cause of a company makes one event, however often it is put.
    cause      text        NOT NULL,
    -- Grows from event to event.
    serial     bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    -- wallet.domain.notices.EventType
    type       text        NOT NULL,
    -- As the company's webhook gets it.
    data       jsonb       NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (company_id, cause)
);
