-- record --
-- What is told late never undoes what was told before: an end stays, and what was first said of the amount.
INSERT INTO chargebacks AS c (company_id, chargeback_id, top_up_id, state, amount, currency, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (company_id, chargeback_id) DO UPDATE SET
    state = CASE WHEN c.state >= 3 THEN c.state ELSE greatest(c.state, excluded.state) END, updated_at = now()
RETURNING *

-- debited --
-- Nothing is returned where it is known already.
UPDATE chargebacks SET debit_number = $3, updated_at = now()
WHERE company_id = $1 AND chargeback_id = $2 AND debit_number IS NULL
RETURNING *

-- credited --
UPDATE chargebacks SET credit_number = $3, updated_at = now()
WHERE company_id = $1 AND chargeback_id = $2 AND credit_number IS NULL
RETURNING *

-- unfinished --
SELECT * FROM chargebacks
WHERE (state >= 2 AND debit_number IS NULL) OR (state = 3 AND credit_number IS NULL)
ORDER BY serial LIMIT $1

-- list --
-- Up to $3 chargebacks of company $1, newest first, with serials below $2.
SELECT * FROM chargebacks WHERE company_id = $1 AND serial < $2 ORDER BY serial DESC LIMIT $3
