-- get --
-- The rule, the top-up that is in flight, and the amounts added in this day and month.
SELECT a.*, w.currency, f.number AS in_flight,
    coalesce(s.day_amount, 0)::bigint AS day_amount, coalesce(s.month_amount, 0)::bigint AS month_amount
FROM auto_top_ups a JOIN wallets w USING (company_id)
LEFT JOIN auto_top_up_firings f ON f.company_id = a.company_id AND f.state = FiringState.OPEN
CROSS JOIN LATERAL (
    SELECT sum(amount) FILTER (WHERE fired_at >= date_trunc('day', clock_timestamp(), 'UTC')) AS day_amount,
        sum(amount) AS month_amount
    FROM auto_top_up_firings
    WHERE company_id = a.company_id AND state <> FiringState.FAILED
        AND fired_at >= date_trunc('month', clock_timestamp(), 'UTC')) s
WHERE a.company_id = $1

-- lock_wallet --
SELECT state FROM wallets WHERE company_id = $1 FOR UPDATE

-- lock --
SELECT * FROM auto_top_ups WHERE company_id = $1 FOR UPDATE

-- put --
INSERT INTO auto_top_ups (company_id, threshold, amount, payment_method, day_amount_max, month_amount_max,
    day_count_max, month_count_max)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (company_id) DO UPDATE SET
    threshold = excluded.threshold, amount = excluded.amount, payment_method = excluded.payment_method,
    day_amount_max = excluded.day_amount_max, month_amount_max = excluded.month_amount_max,
    day_count_max = excluded.day_count_max, month_count_max = excluded.month_count_max,
    -- Declines are counted for one card.
    declines = CASE WHEN auto_top_ups.payment_method = excluded.payment_method THEN auto_top_ups.declines ELSE 0 END,
    wait_until = NULL, updated_at = clock_timestamp()

-- fence --
-- The threshold is part of a loaded wallet, so it changes with the epoch, which makes the copy in Redis stale.
UPDATE wallets SET epoch = wallet_next_epoch(epoch), last_seq = 0 WHERE company_id = $1

-- pause --
UPDATE auto_top_ups SET state = RuleState.PAUSED, pause_reason = $2, paused_at = clock_timestamp(), pauses = pauses + 1,
    updated_at = clock_timestamp()
WHERE company_id = $1 RETURNING pauses

-- resume --
UPDATE auto_top_ups SET state = RuleState.ACTIVE, pause_reason = NULL, paused_at = NULL,
    resumed_at = clock_timestamp(), declines = 0, wait_until = NULL, updated_at = clock_timestamp()
WHERE company_id = $1 AND state = RuleState.PAUSED

-- delete --
DELETE FROM auto_top_ups WHERE company_id = $1
