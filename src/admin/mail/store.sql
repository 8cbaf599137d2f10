-- insert --
-- No row is returned if the company has a mail with this cause.
INSERT INTO mails (company_id, cause, recipient, template, words) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING serial

-- claim --
-- Claim up to $1 mails that are due, for $2 seconds. Mails that another process is claiming at this moment are skipped.
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

-- record_sent --
-- Regardless of the claim, which another worker may have by now: the mail server has the mail.
UPDATE mails SET state = MailState.SENT, sent_at = clock_timestamp(), claimed_until = NULL, error = NULL
WHERE serial = $1 AND state <> MailState.SENT

-- record_failure --
-- Only for the claim that ends at $2. $3 failures and $4 refusals in all; the next attempt is in $5 seconds, NULL: none.
UPDATE mails SET failures = $3, refusals = $4, error = $6, claimed_until = NULL,
    state = CASE WHEN $5::float8 IS NULL THEN MailState.GIVEN_UP ELSE MailState.WAITING END,
    due_at = clock_timestamp() + make_interval(secs => coalesce($5::float8, 0))
WHERE serial = $1 AND state = MailState.WAITING AND claimed_until = $2

-- release --
UPDATE mails SET claimed_until = NULL WHERE serial = $1 AND state = MailState.WAITING AND claimed_until = $2

-- backlog --
SELECT count(*) AS mails,
    coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float8 AS oldest_seconds
FROM mails WHERE state = MailState.WAITING
