-- get --
SELECT r.*, t.currency, t.payment, clock_timestamp() AS read_at
FROM top_up_refunds r JOIN top_ups t USING (company_id, top_up_id)
WHERE r.company_id = $1 AND r.refund_id = $2

-- lock_top_up --
-- Refunds of the same top-up wait for each other.
SELECT state, method, payment, cleared, refunded, currency FROM top_ups WHERE company_id = $1 AND top_up_id = $2 FOR UPDATE

-- charged_back --
-- Whether the customer's bank has taken the payment back, or is about to.
SELECT EXISTS (SELECT FROM chargebacks
               WHERE company_id = $1 AND top_up_id = $2 AND state IN (ChargebackState.OPEN, ChargebackState.LOST))

-- reserve --
UPDATE top_ups SET refunded = refunded + $3, updated_at = now() WHERE company_id = $1 AND top_up_id = $2

-- insert --
INSERT INTO top_up_refunds (company_id, refund_id, fingerprint, top_up_id, amount, reason, requested_by, look_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + make_interval(secs => $8))

-- reopen --
-- A failed refund without a debit becomes pending again: no money had moved.
UPDATE top_up_refunds SET state = TopUpRefundState.PENDING, failure_code = '', reserved = true, updated_at = now(),
    look_at = clock_timestamp() + make_interval(secs => $3)
WHERE company_id = $1 AND refund_id = $2 AND state = TopUpRefundState.FAILED AND debit_number IS NULL

-- record_decline --
-- The wallet declined the debit. Nothing is returned if a concurrent attempt has debited it. One may still do so: the
-- refund is due once more in $4 seconds.
UPDATE top_up_refunds SET state = TopUpRefundState.FAILED, failure_code = $3, reserved = false, updated_at = now(),
    look_at = clock_timestamp() + make_interval(secs => $4)
WHERE company_id = $1 AND refund_id = $2 AND state = TopUpRefundState.PENDING AND debit_number IS NULL
    AND failure_code = ''
RETURNING top_up_id, amount

-- record_debit --
-- Also if the decline of a concurrent attempt is recorded: then it has a failure code, and the amount is credited again.
UPDATE top_up_refunds SET debit_number = $3, state = TopUpRefundState.PENDING, updated_at = now(),
    look_at = clock_timestamp() + make_interval(secs => $4)
WHERE company_id = $1 AND refund_id = $2 AND debit_number IS NULL

-- entry_of --
SELECT number FROM entries WHERE company_id = $1 AND idempotency_key = $2

-- close_declined --
-- A declined refund without a debit is not due any more.
UPDATE top_up_refunds SET look_at = 'infinity'
WHERE company_id = $1 AND refund_id = $2 AND state = TopUpRefundState.FAILED AND debit_number IS NULL

-- record_provider_state --
-- As the provider reports it: $3 its id, $4 the state, $5 the failure code. A refund that failed has ended, and one that
-- succeeded may still fail.
UPDATE top_up_refunds SET provider_refund = coalesce($3, provider_refund), state = $4, failure_code = $5, updated_at = now(),
    -- A refund may be pending for days: it stays due when the sweep planned it, or is due at once if it failed.
    look_at = CASE WHEN $5 <> '' THEN now() ELSE greatest(look_at, clock_timestamp() + make_interval(secs => $6)) END
WHERE company_id = $1 AND refund_id = $2 AND failure_code = '' AND return_number IS NULL
    AND (state = TopUpRefundState.PENDING OR $5 <> '')
RETURNING state

-- record_return --
-- The debit is credited again, so the reservation ends; the returned `reserved` is its value before.
WITH before AS (SELECT reserved FROM top_up_refunds WHERE company_id = $1 AND refund_id = $2 FOR UPDATE)
UPDATE top_up_refunds r SET return_number = $3, state = TopUpRefundState.FAILED, reserved = false, updated_at = now()
FROM before WHERE company_id = $1 AND refund_id = $2 AND return_number IS NULL
RETURNING r.top_up_id, r.amount, before.reserved

-- claim --
-- Up to $1 refunds that are due; they are due again after a quarter of their age.
WITH due AS (
    SELECT serial FROM top_up_refunds
    WHERE (state = TopUpRefundState.PENDING OR (state = TopUpRefundState.FAILED AND debit_number IS NULL))
        AND look_at <= clock_timestamp()
    ORDER BY look_at LIMIT $1 FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE top_up_refunds r SET look_at = clock_timestamp() + make_interval(
        secs => least(greatest($2, extract(epoch FROM clock_timestamp() - created_at) / 4), $3::float8))
    FROM due WHERE r.serial = due.serial
    RETURNING r.*
)
SELECT r.*, t.currency, t.payment, clock_timestamp() AS read_at FROM moved r JOIN top_ups t USING (company_id, top_up_id)

-- list --
-- Up to $4 refunds of company $1, of top-up $2 (NULL: any), newest first, with serials below $3.
SELECT r.*, t.currency, t.payment, clock_timestamp() AS read_at
FROM top_up_refunds r JOIN top_ups t USING (company_id, top_up_id)
WHERE r.company_id = $1 AND ($2::text IS NULL OR r.top_up_id = $2) AND r.serial < $3
ORDER BY r.serial DESC LIMIT $4

-- of_provider --
SELECT r.*, t.currency, t.payment, clock_timestamp() AS read_at
FROM top_up_refunds r JOIN top_ups t USING (company_id, top_up_id)
WHERE r.provider_refund = $1
