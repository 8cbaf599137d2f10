-- receipts --
-- Each receipt is for its entry and adds up, its series has no gap before it and ends at the recorded number, and each
-- top-up up to the mark has one. It runs as the checks of wallet/verification/ledger.sql.
WITH range AS (
    SELECT *, (content ->> 'amount')::bigint AS amount, (content ->> 'net')::bigint AS net,
           (content ->> 'tax')::bigint AS tax
    FROM receipts WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
)
SELECT r.company_id, r.number AS place,
       format('receipt %s-%s-%s says %s + %s = %s, and transaction %s is of kind %s with %s', r.prefix, r.year, r.serial,
              r.net, r.tax, r.amount, r.number, coalesce(e.kind::text, 'none'), coalesce(e.amount, 0)) AS detail
FROM range r
LEFT JOIN LATERAL (SELECT kind, amount FROM entries WHERE company_id = r.company_id AND number = r.number LIMIT 1) e ON true
WHERE e.amount IS DISTINCT FROM r.amount OR r.net + r.tax <> r.amount
   OR e.kind <> CASE r.kind WHEN ReceiptKind.TOP_UP THEN Kind.TOP_UP ELSE Kind.ADJUSTMENT END
UNION ALL
SELECT r.company_id, r.number, format('there is no receipt %s-%s-%s before this one', r.prefix, r.year, r.serial - 1)
FROM range r
WHERE r.serial > 1
  AND NOT EXISTS (SELECT FROM receipts b WHERE b.prefix = r.prefix AND b.year = r.year AND b.serial = r.serial - 1)
UNION ALL
SELECT r.company_id, r.number, format('%s is the last receipt of %s-%s, whose last number is %s', r.serial, r.prefix,
                                      r.year, coalesce(s.last::text, 'not known'))
FROM range r LEFT JOIN receipt_series s USING (prefix, year)
WHERE s.last IS DISTINCT FROM r.serial
  AND NOT EXISTS (SELECT FROM receipts b WHERE b.prefix = r.prefix AND b.year = r.year AND b.serial > r.serial)
UNION ALL
SELECT e.company_id, e.number, format('transaction %s is a top-up and has no receipt', e.number)
FROM receipt_marks m JOIN entries e ON e.company_id = m.company_id AND e.number <= m.number AND e.kind = Kind.TOP_UP
WHERE m.company_id > $1 AND ($2::text IS NULL OR m.company_id <= $2)
  AND NOT EXISTS (SELECT FROM receipts r WHERE r.company_id = e.company_id AND r.number = e.number)
