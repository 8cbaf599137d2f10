-- companies_to_evaluate --
-- Up to $2 companies after $1, by id, with new entries or another floor since their last evaluation.
SELECT w.company_id FROM wallets w LEFT JOIN alerts a USING (company_id)
WHERE w.company_id > $1 AND w.last_number > 0
  AND (w.last_number <> coalesce(a.seen_number, 0) OR w.floor <> coalesce(a.seen_floor, 0))
ORDER BY w.company_id LIMIT $2

-- insert --
INSERT INTO alerts (company_id) VALUES ($1) ON CONFLICT DO NOTHING

-- lock --
-- No row is returned while another worker is evaluating the company.
SELECT state, lowest, changes, seen_top_up FROM alerts WHERE company_id = $1 FOR UPDATE SKIP LOCKED

-- get --
SELECT state, lowest, seen_top_up FROM alerts WHERE company_id = $1

-- balance_status --
SELECT w.currency, w.balance, w.held, w.floor, w.state AS wallet_state, w.last_number, c.display_name, c.billing_email,
    p.warning_seconds, p.warning_amount, p.critical_seconds, p.critical_amount,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now,
    coalesce((SELECT max(entry_number) FROM top_ups t WHERE t.company_id = $1), 0) AS last_top_up
FROM wallets w JOIN companies c USING (company_id) LEFT JOIN alert_policies p USING (company_id)
WHERE w.company_id = $1

-- spent_by_day --
SELECT day, sum(spent)::bigint AS spent FROM usage_days WHERE company_id = $1 AND day >= $2 GROUP BY day

-- record_evaluation --
-- $2 the state, $3 the lowest balance, $4 the last entry, $5 the floor, $6 the entry of the last top-up.
UPDATE alerts SET lowest = $3, seen_number = $4, seen_floor = $5, seen_top_up = $6, state = $2,
    changes = changes + CASE WHEN state <> $2 THEN 1 ELSE 0 END,
    changed_at = CASE WHEN state <> $2 THEN clock_timestamp() ELSE changed_at END
WHERE company_id = $1

-- get_policy --
SELECT w.state AS wallet_state, p.* FROM wallets w LEFT JOIN alert_policies p USING (company_id) WHERE w.company_id = $1

-- set_policy --
INSERT INTO alert_policies (company_id, warning_seconds, warning_amount, critical_seconds, critical_amount)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (company_id) DO UPDATE SET
    warning_seconds = excluded.warning_seconds, warning_amount = excluded.warning_amount,
    critical_seconds = excluded.critical_seconds, critical_amount = excluded.critical_amount

-- request_evaluation --
INSERT INTO alerts (company_id, seen_number) VALUES ($1, -1) ON CONFLICT (company_id) DO UPDATE SET seen_number = -1
