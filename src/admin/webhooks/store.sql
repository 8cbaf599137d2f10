-- company --
-- No row if there is no such company.
SELECT state FROM wallets WHERE company_id = $1

-- get --
SELECT url, event_types, state, failing_since, created_at, updated_at,
    CASE WHEN previous_until > clock_timestamp() THEN previous_until END AS previous_secret_until
FROM webhooks WHERE company_id = $1

-- insert --
-- No row is returned if the company has one already.
INSERT INTO webhooks (company_id, url, event_types, state, secret) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING true

-- update --
-- A new URL or state resets the earlier failures, and is due at once. $2 to $4: NULL for no change.
UPDATE webhooks SET url = coalesce($2, url), event_types = coalesce($3, event_types), state = coalesce($4, state),
    failures = CASE WHEN $2 <> url OR $4 <> state THEN 0 ELSE failures END,
    failing_since = CASE WHEN $2 <> url OR $4 <> state THEN NULL ELSE failing_since END,
    due_at = CASE WHEN $2 <> url OR $4 <> state THEN clock_timestamp() ELSE due_at END,
    updated_at = now()
WHERE company_id = $1 RETURNING true

-- rotate --
UPDATE webhooks SET previous_secret = secret, previous_until = clock_timestamp() + make_interval(secs => $3), secret = $2,
    updated_at = now()
WHERE company_id = $1 RETURNING true

-- delete --
DELETE FROM webhooks WHERE company_id = $1 RETURNING true

-- cancel_waiting_events --
UPDATE events SET delivery = Delivery.NONE WHERE company_id = $1 AND delivery = Delivery.WAITING
