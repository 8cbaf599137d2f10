-- insert --
-- No row is returned if the id is taken.
INSERT INTO refund_cases (company_id, case_id, number, origin, description, requested_by, fingerprint, status, carrier_code,
    delivered, total)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT DO NOTHING RETURNING *

-- get --
SELECT * FROM refund_cases WHERE company_id = $1 AND case_id = $2

-- list --
-- Up to $5 cases, oldest first, with serials above $4: of company $1, in state $2, of charge $3 (NULL: any).
SELECT * FROM refund_cases
WHERE serial > $4 AND ($1::text IS NULL OR company_id = $1) AND ($2::smallint IS NULL OR state = $2)
  AND ($3::bigint IS NULL OR number = $3)
ORDER BY serial LIMIT $5

-- decide --
-- Only an open case can be decided; then it is in state $3.
UPDATE refund_cases SET state = $3, decided_refund = $4, amount = $5, reason = $6, decided_by = $7, note = $8,
    decided_at = now()
WHERE company_id = $1 AND case_id = $2 AND state = CaseState.OPEN
RETURNING *

-- mark_refunded --
-- The refund is in the ledger: the case becomes REFUNDED from any state.
UPDATE refund_cases SET state = CaseState.REFUNDED, refund_number = $3
WHERE company_id = $1 AND case_id = $2 AND state <> CaseState.REFUNDED
RETURNING *

-- reopen --
-- The refund was declined: a person must decide again.
UPDATE refund_cases SET state = CaseState.OPEN, decided_refund = NULL, amount = NULL, reason = NULL, decided_by = NULL,
    note = NULL, decided_at = NULL
WHERE company_id = $1 AND case_id = $2 AND state = CaseState.REFUNDING
RETURNING *

-- unfinished --
-- Up to $2 cases that were decided $1 seconds ago or more and whose refund is not known to be in the ledger, oldest first.
SELECT * FROM refund_cases
WHERE state = CaseState.REFUNDING AND decided_at <= now() - make_interval(secs => $1) ORDER BY serial LIMIT $2
