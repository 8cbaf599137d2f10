-- rules --
SELECT * FROM refund_rules ORDER BY place

-- policy_changed_at --
SELECT updated_at FROM refund_policy

-- lock_policy --
UPDATE refund_policy SET updated_at = now()

-- delete_rules --
DELETE FROM refund_rules

-- insert_rule --
INSERT INTO refund_rules (place, channel, carrier_code, is_prefix, action, description) VALUES ($1, $2, $3, $4, $5, $6)

-- action --
-- The action of the first rule that matches carrier code $2 of channel $1.
SELECT action FROM refund_rules
WHERE (channel IS NULL OR channel = $1)
  AND CASE WHEN is_prefix THEN starts_with($2, carrier_code) ELSE carrier_code = $2 END
ORDER BY place LIMIT 1

-- insert_report --
-- No row is returned if the charge has a report.
INSERT INTO delivery_reports (company_id, number, status, carrier_code, delivered, total, action, finished)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING RETURNING number

-- report --
SELECT * FROM delivery_reports WHERE company_id = $1 AND number = $2

-- finish_report --
UPDATE delivery_reports SET finished = true, action = $3, refund_number = $4
WHERE company_id = $1 AND number = $2 AND NOT finished

-- unfinished --
-- Up to $2 reports of $1 seconds ago or more whose refund is not known to be in the ledger, oldest first.
SELECT * FROM delivery_reports
WHERE NOT finished AND created_at <= now() - make_interval(secs => $1) ORDER BY created_at LIMIT $2
