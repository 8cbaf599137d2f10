-- list --
-- Up to $4 events with serials below $2 (NULL: from the newest on) in state $3 (NULL: any), newest first.
SELECT * FROM events
WHERE company_id = $1 AND ($2::bigint IS NULL OR serial < $2) AND ($3::smallint IS NULL OR delivery = $3)
ORDER BY serial DESC LIMIT $4

-- get --
SELECT * FROM events WHERE company_id = $1 AND serial = $2

-- insert_test_event --
-- Regardless of the webhook's event types. No row is returned if the company has no webhook.
INSERT INTO events (company_id, cause, type, data, delivery)
SELECT company_id, $2, $3, $4, Delivery.WAITING FROM webhooks WHERE company_id = $1
RETURNING serial

-- has_webhook --
SELECT true FROM webhooks WHERE company_id = $1

-- redeliver --
UPDATE events SET delivery = Delivery.WAITING, due_at = clock_timestamp(), wanted_at = clock_timestamp(), failures = 0
WHERE company_id = $1 AND serial = $2

-- make_due --
-- An operator requests an event: the delay of the webhook ends.
UPDATE webhooks SET due_at = least(due_at, clock_timestamp()) WHERE company_id = $1

-- claim --
-- Claim up to $1 companies with due events, for $2 seconds; those whose webhooks have been due longest come first.
-- Companies that another process is claiming at this moment are skipped.
WITH due AS (
    SELECT company_id FROM webhooks
    WHERE state = WebhookState.ENABLED AND due_at <= clock_timestamp()
      AND (claimed_until IS NULL OR claimed_until <= clock_timestamp())
      AND company_id IN (SELECT company_id FROM events WHERE delivery = Delivery.WAITING AND due_at <= clock_timestamp())
    ORDER BY due_at, company_id LIMIT $1
    FOR UPDATE SKIP LOCKED
)
UPDATE webhooks w SET claimed_until = clock_timestamp() + make_interval(secs => $2)
FROM due WHERE w.company_id = due.company_id
RETURNING w.company_id, w.claimed_until

-- next_due --
-- The first due event of a company and its destination, for the claim that ends at $2. No row if the claim has expired, or
-- the webhook has been disabled or deleted.
SELECT e.serial, e.type, e.data, e.failures, e.created_at,
    extract(epoch FROM clock_timestamp() - e.wanted_at)::float8 AS age_seconds,
    w.url, w.secret, CASE WHEN w.previous_until > clock_timestamp() THEN w.previous_secret END AS previous_secret,
    w.failures AS webhook_failures
FROM webhooks w JOIN events e USING (company_id)
WHERE company_id = $1 AND w.state = WebhookState.ENABLED AND w.claimed_until = $2 AND w.claimed_until > clock_timestamp()
  AND e.delivery = Delivery.WAITING AND e.due_at <= clock_timestamp()
ORDER BY e.serial LIMIT 1

-- record_delivery --
-- Regardless of the claim, which another worker may have by now: the receiver has the event.
WITH event AS (
    UPDATE events SET delivery = Delivery.DELIVERED, attempts = attempts + 1, attempted_at = clock_timestamp(),
        delivered_at = clock_timestamp(), error = NULL
    WHERE company_id = $1 AND serial = $2 AND delivery <> Delivery.DELIVERED
)
UPDATE webhooks SET failures = 0, failing_since = NULL WHERE company_id = $1

-- delay_webhook --
-- Only for the claim that ends at $2. The webhook is due again in $3 seconds.
UPDATE webhooks SET failures = failures + 1, failing_since = coalesce(failing_since, clock_timestamp()),
    claimed_until = NULL, due_at = clock_timestamp() + make_interval(secs => $3)
WHERE company_id = $1 AND claimed_until = $2
RETURNING url, failures, (extract(epoch FROM failing_since) * 1000000)::bigint AS failing,
    extract(epoch FROM clock_timestamp() - failing_since)::float8 AS failing_seconds

-- record_failure --
-- The event is due again in $3 seconds; NULL: it is not sent again.
UPDATE events SET attempts = attempts + 1, failures = failures + 1, attempted_at = clock_timestamp(), error = $4,
    delivery = CASE WHEN $3::float8 IS NULL THEN Delivery.GIVEN_UP ELSE Delivery.WAITING END,
    due_at = clock_timestamp() + make_interval(secs => coalesce($3::float8, 0))
WHERE company_id = $1 AND serial = $2 AND delivery = Delivery.WAITING

-- pause --
UPDATE webhooks SET state = WebhookState.PAUSED, updated_at = now() WHERE company_id = $1

-- release --
-- The company goes to the end of the queue: companies that have been due longer come first.
UPDATE webhooks SET claimed_until = NULL, due_at = clock_timestamp() WHERE company_id = $1 AND claimed_until = $2

-- backlog --
SELECT count(*) AS events,
    coalesce(extract(epoch FROM clock_timestamp() - min(wanted_at)), 0)::float8 AS oldest_seconds
FROM events JOIN webhooks USING (company_id) WHERE delivery = Delivery.WAITING AND state = WebhookState.ENABLED
