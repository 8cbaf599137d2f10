-- put --
-- Nothing is returned where the cause has made its mail before.
INSERT INTO mails (company_id, cause, recipient, template, words) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING serial

-- claim --
-- Up to $1 mails that are due, for $2 seconds. What another process is claiming at this moment is passed over.
WITH due AS (
    SELECT serial FROM mails
    WHERE state = MailState.WAITING AND due_at <= clock_timestamp()
      AND (claimed_until IS NULL OR claimed_until <= clock_timestamp())
    ORDER BY due_at, serial LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE mails m SET claimed_until = clock_timestamp() + make_interval(secs => $2)
FROM due WHERE m.serial = due.serial
RETURNING m.serial, m.company_id, m.cause, m.recipient, m.template, m.words, m.failures, m.refusals, m.created_at,
    m.claimed_until, extract(epoch FROM clock_timestamp() - m.created_at)::float8 AS age_seconds

-- sent --
-- Whoever has it claimed by now: it is on its way.
UPDATE mails SET state = MailState.SENT, sent_at = clock_timestamp(), claimed_until = NULL, error = NULL
WHERE serial = $1 AND state <> MailState.SENT

-- failed --
-- Only by whoever claimed it: $2 is until when. $3 failures and $4 refusals in all, next try in $5 seconds; NULL: none.
UPDATE mails SET failures = $3, refusals = $4, error = $6, claimed_until = NULL,
    state = CASE WHEN $5::float8 IS NULL THEN MailState.GIVEN_UP ELSE MailState.WAITING END,
    due_at = clock_timestamp() + make_interval(secs => coalesce($5::float8, 0))
WHERE serial = $1 AND state = MailState.WAITING AND claimed_until = $2

-- release --
UPDATE mails SET claimed_until = NULL WHERE serial = $1 AND state = MailState.WAITING AND claimed_until = $2

-- waiting --
SELECT count(*) AS mails,
    coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest_seconds
FROM mails WHERE state = MailState.WAITING
