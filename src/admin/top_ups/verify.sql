-- top_ups --
-- Each step of a top-up, of its second payments, refunds and chargebacks that is recorded has its one entry, of its amount,
-- under the key that follows from the row (admin.top_ups.domain). Each entry under such a key has its row, which names it or
-- is under way to it. The refunded amount of a top-up is the sum of its refunds. It runs as the checks of
-- wallet/verification/ledger.sql.
WITH ups AS (
    SELECT * FROM top_ups WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
), seconds AS (
    SELECT * FROM second_payments WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
), refunds AS (
    SELECT * FROM top_up_refunds WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
), disputes AS (
    SELECT * FROM chargebacks WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
), steps AS (
    SELECT company_id,
           CASE method WHEN TopUpMethod.MANUAL THEN top_up_id
                       WHEN TopUpMethod.BANK_TRANSFER THEN '~top-up:' || top_up_id
                       ELSE '~payment:' || payment END AS key,
           Kind.TOP_UP AS kind, entry_number AS number, cleared AS amount,
           state IN (TopUpState.PENDING, TopUpState.REQUIRES_ACTION) AS under_way
    FROM ups
    UNION ALL
    SELECT company_id, '~second-payment:' || payment, Kind.TOP_UP, entry_number, amount, true FROM seconds
    UNION ALL
    SELECT company_id, '~top-up-refund:' || refund_id || ':debit', Kind.ADJUSTMENT, debit_number, -amount,
           state = TopUpRefundState.PENDING FROM refunds
    UNION ALL
    SELECT company_id, '~top-up-refund:' || refund_id || ':return', Kind.ADJUSTMENT, return_number, amount,
           state = TopUpRefundState.PENDING AND failure_code <> '' FROM refunds
    UNION ALL
    SELECT company_id, '~chargeback:' || chargeback_id || ':debit', Kind.ADJUSTMENT, debit_number, -amount,
           state >= ChargebackState.OPEN FROM disputes
    UNION ALL
    SELECT company_id, '~chargeback:' || chargeback_id || ':won', Kind.ADJUSTMENT, credit_number, amount,
           state = ChargebackState.WON FROM disputes
), made AS (
    SELECT company_id, idempotency_key AS key, number, kind, amount FROM entries
    WHERE kind IN (Kind.TOP_UP, Kind.ADJUSTMENT) AND company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
), sums AS (
    SELECT company_id, top_up_id, sum(amount) AS refunded FROM refunds WHERE reserved GROUP BY company_id, top_up_id
)
SELECT company_id, coalesce(made.number, steps.number) AS place,
       format('by its record key %s is of transaction %s of kind %s with amount %s; found is %s of kind %s with amount %s',
              key, coalesce(steps.number::text, 'none'), coalesce(steps.kind::text, 'none'),
              coalesce(steps.amount::text, 'none'), coalesce(made.number::text, 'none'),
              coalesce(made.kind::text, 'none'), coalesce(made.amount::text, 'none')) AS detail
FROM steps FULL JOIN made USING (company_id, key)
WHERE (steps.kind IS NULL AND key ~ '^~(payment|second-payment|top-up|top-up-refund|chargeback):')
   OR (steps.number IS NOT NULL AND made.number IS NULL)
   OR (steps.kind <> made.kind OR steps.amount IS DISTINCT FROM made.amount
       OR (steps.number IS DISTINCT FROM made.number AND NOT (steps.number IS NULL AND under_way)))
      AND steps.kind IS NOT NULL AND made.number IS NOT NULL
UNION ALL
SELECT company_id, serial, format('of top-up %s %s has gone back, its refunds make %s', top_up_id, ups.refunded,
                                  coalesce(sums.refunded, 0))
FROM ups LEFT JOIN sums USING (company_id, top_up_id)
WHERE ups.refunded <> coalesce(sums.refunded, 0)
UNION ALL
SELECT company_id, serial, format('refund %s is in state %s, debited by transaction %s, returned by %s, %s', refund_id, state,
                                  coalesce(debit_number::text, 'none'), coalesce(return_number::text, 'none'),
                                  CASE WHEN reserved THEN 'reserved' ELSE 'not reserved' END)
FROM refunds
WHERE CASE state
      WHEN TopUpRefundState.SUCCEEDED THEN debit_number IS NULL OR return_number IS NOT NULL OR NOT reserved
      WHEN TopUpRefundState.FAILED THEN reserved OR (debit_number IS NULL) <> (return_number IS NULL)
      ELSE return_number IS NOT NULL OR NOT (reserved OR failure_code <> '') END
