-- record --
-- A late report never replaces an earlier one: a final state stays, and so does the first amount.
INSERT INTO chargebacks AS c (company_id, chargeback_id, top_up_id, payment, state, amount, currency, reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (company_id, chargeback_id) DO UPDATE SET
    state = CASE WHEN c.state >= ChargebackState.WON THEN c.state ELSE greatest(c.state, excluded.state) END,
    updated_at = now()
RETURNING *

-- record_debit --
-- No row is returned if the entry is recorded already.
UPDATE chargebacks SET debit_number = $3, updated_at = now()
WHERE company_id = $1 AND chargeback_id = $2 AND debit_number IS NULL
RETURNING *

-- record_credit --
UPDATE chargebacks SET credit_number = $3, updated_at = now()
WHERE company_id = $1 AND chargeback_id = $2 AND credit_number IS NULL
RETURNING *

-- claim --
-- Up to $1 chargebacks that lack an entry. One that was claimed before rests for a quarter of its age, $2 to $3 seconds:
-- those that cannot be finished, as of a closed company, do not delay the others.
WITH due AS (
    SELECT serial FROM chargebacks
    WHERE ((state >= ChargebackState.OPEN AND debit_number IS NULL)
           OR (state = ChargebackState.WON AND credit_number IS NULL))
      AND (updated_at = created_at OR updated_at <= clock_timestamp() - make_interval(
          secs => least(greatest($2, extract(epoch FROM updated_at - created_at) / 4), $3::float8)))
    ORDER BY updated_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE chargebacks c SET updated_at = clock_timestamp() FROM due WHERE c.serial = due.serial
RETURNING c.*

-- list --
-- Up to $3 chargebacks of company $1, newest first, with serials below $2.
SELECT * FROM chargebacks WHERE company_id = $1 AND serial < $2 ORDER BY serial DESC LIMIT $3
