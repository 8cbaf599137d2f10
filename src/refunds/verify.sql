-- refund_records --
-- P6: each refund by a case or by the policy is recorded with its decision, and refunds the charge of that decision.
-- A decision without an amount is for all that is left. It runs as the checks of wallet/verification/ledger.sql.
WITH steps AS (
    SELECT company_id, '~case:' || case_id AS key, refund_number AS refund, number AS charge, amount,
           state = CaseState.REFUNDING AS under_way, state = CaseState.REFUNDED AS ended
    FROM refund_cases WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
    UNION ALL
    SELECT company_id, '~delivery:' || number, refund_number, number, NULL, NOT finished, false
    FROM delivery_reports WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
), made AS (
    SELECT company_id, idempotency_key AS key, number, kind, amount, refunded_number FROM entries
    WHERE idempotency_key ~ '^~(case|delivery):' AND company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
)
SELECT company_id, coalesce(made.number, steps.refund) AS place,
       format('by its record key %s is of transaction %s that refunds %s with amount %s; found is %s of kind %s, that '
              'refunds %s with amount %s', key, coalesce(steps.refund::text, 'none'), steps.charge,
              coalesce(steps.amount::text, 'any'), coalesce(made.number::text, 'none'), made.kind, made.refunded_number,
              made.amount) AS detail
FROM steps FULL JOIN made USING (company_id, key)
WHERE steps.charge IS NULL
   OR (made.number IS NULL AND (ended OR steps.refund IS NOT NULL))
   OR (made.number IS NOT NULL AND (made.kind <> Kind.REFUND OR made.refunded_number IS DISTINCT FROM steps.charge
       OR made.amount <> coalesce(steps.amount, made.amount)
       OR (steps.refund IS DISTINCT FROM made.number AND NOT (steps.refund IS NULL AND under_way))))
