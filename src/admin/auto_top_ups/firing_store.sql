-- due_companies --
-- Up to $2 companies after $1, by id, that are below the threshold of their rule, which is active and does not wait, and
-- that have no open firing.
SELECT a.company_id FROM auto_top_ups a JOIN wallets w USING (company_id)
WHERE a.company_id > $1 AND a.state = RuleState.ACTIVE AND w.state = WalletState.ACTIVE
  AND w.balance - w.held - w.floor < a.threshold
  AND (a.wait_until IS NULL OR a.wait_until <= clock_timestamp())
  AND NOT EXISTS (SELECT FROM auto_top_up_firings f
                  WHERE f.company_id = a.company_id AND f.state = FiringState.OPEN)
ORDER BY a.company_id LIMIT $2

-- due_among --
-- The same as due_companies, among the companies $1.
SELECT a.company_id FROM auto_top_ups a JOIN wallets w USING (company_id)
WHERE a.company_id = ANY ($1) AND a.state = RuleState.ACTIVE AND w.state = WalletState.ACTIVE
  AND w.balance - w.held - w.floor < a.threshold
  AND (a.wait_until IS NULL OR a.wait_until <= clock_timestamp())
  AND NOT EXISTS (SELECT FROM auto_top_up_firings f
                  WHERE f.company_id = a.company_id AND f.state = FiringState.OPEN)

-- standing --
-- The rule and its counts at this moment, under the lock of its row: of the day since it was resumed, and of the month.
SELECT w.currency, w.state AS wallet_state, w.balance - w.held - w.floor AS available,
    coalesce(a.wait_until > clock_timestamp(), false) AS waits,
    EXISTS (SELECT FROM auto_top_up_firings f
            WHERE f.company_id = $1 AND f.state = FiringState.OPEN) AS in_flight,
    coalesce(s.day_amount, 0)::bigint AS day_amount, s.day_count, coalesce(s.month_amount, 0)::bigint AS month_amount,
    s.month_count,
    (date_trunc('day', clock_timestamp() AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC' AS next_day,
    (date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC' AS next_month
FROM wallets w JOIN auto_top_ups a USING (company_id)
CROSS JOIN LATERAL (
    SELECT sum(amount) FILTER (WHERE fired_at >= date_trunc('day', clock_timestamp(), 'UTC')) AS day_amount,
        count(*) FILTER (WHERE fired_at >= greatest(date_trunc('day', clock_timestamp(), 'UTC'), a.resumed_at))
            AS day_count,
        sum(amount) AS month_amount, count(*) AS month_count
    FROM auto_top_up_firings
    WHERE company_id = $1 AND state <> FiringState.FAILED
        AND fired_at >= date_trunc('month', clock_timestamp(), 'UTC')) s
WHERE w.company_id = $1

-- begin --
-- With the next number, which is never reused. It is claimed for $5 seconds.
INSERT INTO auto_top_up_firings (company_id, number, amount, currency, payment_method, due_at, fired_at)
SELECT $1, coalesce(max(number), 0) + 1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5), clock_timestamp()
FROM auto_top_up_firings WHERE company_id = $1
RETURNING *

-- authentication_notified --
-- Whether one of the $3 firings before $2 was declined with code $4, so that the company was notified of it.
SELECT EXISTS (
    SELECT FROM auto_top_up_firings
    WHERE company_id = $1 AND number < $2 AND number >= $2 - $3 AND failure_code = $4)

-- wait --
UPDATE auto_top_ups SET wait_until = $2 WHERE company_id = $1

-- claim --
-- Up to $1 that are open and due, for $2 seconds, without those that another process is claiming at this moment.
WITH due AS (
    SELECT company_id, number FROM auto_top_up_firings
    WHERE state = FiringState.OPEN AND due_at <= clock_timestamp()
    ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE auto_top_up_firings f SET due_at = clock_timestamp() + make_interval(secs => $2)
FROM due WHERE (f.company_id, f.number) = (due.company_id, due.number)
RETURNING f.*

-- retry_later --
UPDATE auto_top_up_firings SET tries = $3, due_at = clock_timestamp() + make_interval(secs => $4)
WHERE company_id = $1 AND number = $2 AND state = FiringState.OPEN

-- lock --
SELECT * FROM auto_top_up_firings WHERE company_id = $1 AND number = $2 FOR UPDATE

-- end --
UPDATE auto_top_up_firings SET state = $3, failure_code = $4, declined = $5, ended_at = clock_timestamp()
WHERE company_id = $1 AND number = $2

-- mark_declined --
UPDATE auto_top_up_firings SET declined = true, failure_code = $3,
    due_at = clock_timestamp() + make_interval(secs => $4)
WHERE company_id = $1 AND number = $2

-- paid --
UPDATE auto_top_ups SET declines = 0, wait_until = NULL, confirmed = true WHERE company_id = $1

-- declined --
-- $2 declines in a row; the rule waits for $3 seconds (NULL: it is paused by another statement).
UPDATE auto_top_ups SET declines = $2, wait_until = clock_timestamp() + make_interval(secs => $3)
WHERE company_id = $1
