-- wallet --
SELECT currency, state FROM wallets WHERE company_id = $1

-- key_of --
-- The fingerprint of the entry that has this key.
SELECT fingerprint FROM entries WHERE company_id = $1 AND idempotency_key = $2

-- insert --
-- Nothing is returned if the id is taken. A manual top-up is received already, so its amount is pinned.
INSERT INTO top_ups (company_id, top_up_id, fingerprint, method, amount, currency, reference, requested_by, automatic, card,
    save_card, payment_reference, cleared, look_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
    CASE WHEN $4::smallint = TopUpMethod.MANUAL THEN $5::bigint END, clock_timestamp() + make_interval(secs => $13))
ON CONFLICT (company_id, top_up_id) DO NOTHING
RETURNING *, clock_timestamp() AS read_at

-- get --
SELECT *, clock_timestamp() AS read_at FROM top_ups WHERE company_id = $1 AND top_up_id = $2

-- of_payment --
SELECT *, clock_timestamp() AS read_at FROM top_ups WHERE payment = $1

-- of_reference --
SELECT *, clock_timestamp() AS read_at FROM top_ups WHERE payment_reference = $1

-- list --
-- Up to $5 top-ups of company $1, newest first, with serials below $4: in state $2, by method $3 (NULL: any).
SELECT *, clock_timestamp() AS read_at FROM top_ups
WHERE company_id = $1 AND serial < $4 AND ($2::smallint IS NULL OR state = $2) AND ($3::smallint IS NULL OR method = $3)
ORDER BY serial DESC LIMIT $5

-- record_state --
-- Of a top-up that is not paid: $3 the payment, $4 the state, $5 and $6 the card, $7 and $8 the failure. Nothing is changed
-- if the amount is pinned, since it is being credited, or if the top-up has ended.
UPDATE top_ups SET payment = coalesce(payment, $3), state = $4, card_brand = coalesce($5, card_brand),
    card_last4 = coalesce($6, card_last4), failure_code = $7, failure_message = $8, updated_at = now()
WHERE company_id = $1 AND top_up_id = $2 AND state IN (TopUpState.PENDING, TopUpState.REQUIRES_ACTION) AND cleared IS NULL
RETURNING *, clock_timestamp() AS read_at

-- pin --
-- $3 micros are received, by payment $4 (NULL: none), with card $5 and $6, and reference $7 (NULL: unchanged). The state
-- before does not matter: a payment that is received is credited.
UPDATE top_ups SET cleared = $3, payment = coalesce($4, payment), card_brand = coalesce($5, card_brand),
    card_last4 = coalesce($6, card_last4), reference = coalesce($7, reference), state = TopUpState.PENDING,
    failure_code = '', failure_message = '', look_at = clock_timestamp() + make_interval(secs => $8), updated_at = now()
WHERE company_id = $1 AND top_up_id = $2 AND cleared IS NULL
RETURNING *, clock_timestamp() AS read_at

-- record_second_payment --
-- Payment $3 of a top-up that has another one, of $4 micros, with card $5 and $6. The first record stays.
INSERT INTO second_payments (company_id, top_up_id, payment, amount, card_brand, card_last4)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (payment) DO NOTHING

-- record_second_credit --
UPDATE second_payments SET entry_number = $2 WHERE payment = $1 AND entry_number IS NULL

-- withdraw --
-- A manual top-up that the ledger declined leaves no record.
DELETE FROM top_ups WHERE company_id = $1 AND top_up_id = $2 AND method = TopUpMethod.MANUAL AND entry_number IS NULL

-- attach_payment --
-- Staff confirmed the transfer before the provider reported payment $3, which is the same money.
UPDATE top_ups SET payment = $3, updated_at = now() WHERE company_id = $1 AND top_up_id = $2 AND payment IS NULL

-- succeed --
-- No row is returned if the entry is recorded already.
UPDATE top_ups SET state = TopUpState.SUCCEEDED, entry_number = $3, balance_after = $4, failure_code = '',
    failure_message = '', updated_at = now()
WHERE company_id = $1 AND top_up_id = $2 AND entry_number IS NULL
RETURNING *, clock_timestamp() AS read_at

-- claim --
-- Up to $1 top-ups that are due; they are due again after a quarter of their age.
WITH due AS (
    SELECT serial FROM top_ups
    WHERE state IN (TopUpState.PENDING, TopUpState.REQUIRES_ACTION)
        AND (method <> TopUpMethod.BANK_TRANSFER OR cleared IS NOT NULL) AND look_at <= clock_timestamp()
    ORDER BY look_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE top_ups t SET look_at = clock_timestamp() + make_interval(
    secs => least(greatest($2, extract(epoch FROM clock_timestamp() - created_at) / 4), $3::float8))
FROM due WHERE t.serial = due.serial
RETURNING t.*, clock_timestamp() AS read_at
