-- depends: 0004_refunds

-- The outbox: mails that are to be sent, and those that were. A mail is put here by the transaction that makes its cause, so
-- there is a mail exactly where there is a cause; it is sent afterwards, and nothing waits for it.
CREATE TABLE mails (
    company_id    text        NOT NULL,
    -- Why it is sent: one cause of a company makes one mail, however often it is put.
    cause         text        NOT NULL,
    -- Grows from mail to mail.
    serial        bigint      GENERATED ALWAYS AS IDENTITY UNIQUE,
    recipient     text        NOT NULL,
    -- What it says: a template of admin/mail/templates, and the words for it.
    template      text        NOT NULL,
    words         jsonb       NOT NULL,
    -- 1 waiting, 2 sent, 3 given up
    state         smallint    NOT NULL DEFAULT 1 CHECK (state IN (1, 2, 3)),
    -- When it is to be tried next.
    due_at        timestamptz NOT NULL DEFAULT now(),
    -- Until then whoever has claimed it is sending it.
    claimed_until timestamptz,
    -- How often it was tried in vain, and how often of these it was refused for good.
    failures      integer     NOT NULL DEFAULT 0,
    refusals      integer     NOT NULL DEFAULT 0,
    -- Why the last try failed.
    error         text,
    created_at    timestamptz NOT NULL DEFAULT now(),
    sent_at       timestamptz,
    PRIMARY KEY (company_id, cause)
) WITH (fillfactor = 70);

CREATE INDEX mails_waiting ON mails (due_at, serial) WHERE state = 1;
