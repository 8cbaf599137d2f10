-- companies_behind --
-- Up to $2 companies after $1, by id, that have top-ups, or corrections of them ($3: their reasons), without receipts.
SELECT w.company_id FROM wallets w LEFT JOIN receipt_marks m USING (company_id)
WHERE w.company_id > $1 AND w.last_number > coalesce(m.number, 0)
  AND EXISTS (SELECT FROM entries e WHERE e.company_id = w.company_id AND e.number > coalesce(m.number, 0)
              AND (e.kind = Kind.TOP_UP OR (e.kind = Kind.ADJUSTMENT AND e.reason = ANY ($3::text[])
                                           AND e.idempotency_key LIKE '~%')))
ORDER BY w.company_id LIMIT $2

-- next --
-- The next top-ups of a company after its mark, and corrections of them ($3: their reasons), up to $2.
SELECT e.number FROM entries e
WHERE e.company_id = $1 AND e.number > coalesce((SELECT number FROM receipt_marks WHERE company_id = $1), 0)
  AND (e.kind = Kind.TOP_UP OR (e.kind = Kind.ADJUSTMENT AND e.reason = ANY ($3::text[])
                               AND e.idempotency_key LIKE '~%'))
ORDER BY e.number LIMIT $2

-- begin --
INSERT INTO receipt_marks (company_id, number) VALUES ($1, 0) ON CONFLICT DO NOTHING

-- lock --
SELECT number FROM receipt_marks WHERE company_id = $1 FOR UPDATE

-- get --
SELECT content FROM receipts WHERE company_id = $1 AND number = $2

-- source --
-- The data of a receipt, as of now. The top-up is found by the keys that derive from it (wallet.domain.system_keys), since
-- it may not refer to its entry yet.
SELECT e.kind, e.amount, e.created_at, e.reference, e.reason, e.idempotency_key, w.currency, c.display_name,
    t.method, t.card_brand, t.card_last4, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now
FROM entries e JOIN wallets w USING (company_id) JOIN companies c USING (company_id)
LEFT JOIN LATERAL (
    SELECT method, card_brand, card_last4 FROM top_ups
    WHERE e.kind = Kind.TOP_UP AND company_id = e.company_id
      AND top_up_id = regexp_replace(e.idempotency_key, '^~top-up:', '')
    UNION ALL
    SELECT method, card_brand, card_last4 FROM top_ups
    WHERE e.kind = Kind.TOP_UP AND company_id = e.company_id AND e.idempotency_key LIKE '~payment:%'
      AND payment = substr(e.idempotency_key, length('~payment:') + 1)
    UNION ALL
    SELECT u.method, s.card_brand, s.card_last4
    FROM second_payments s LEFT JOIN top_ups u ON u.company_id = s.company_id AND u.top_up_id = s.top_up_id
    WHERE e.kind = Kind.TOP_UP AND s.company_id = e.company_id AND e.idempotency_key LIKE '~second-payment:%'
      AND s.payment = substr(e.idempotency_key, length('~second-payment:') + 1)
    LIMIT 1) t ON true
WHERE e.company_id = $1 AND e.number = $2

-- original --
-- The entry whose receipt is corrected by the entry under key $3, for top-up $2: for a chargeback of a second payment, the
-- credit of that payment; otherwise the credit of the top-up.
WITH second AS (
    SELECT '~second-payment:' || s.payment AS key
    FROM chargebacks c JOIN second_payments s ON s.company_id = c.company_id AND s.payment = c.payment
    WHERE c.company_id = $1
      AND $3 IN ('~chargeback:' || c.chargeback_id || ':debit', '~chargeback:' || c.chargeback_id || ':won')
), keys AS (
    SELECT key FROM second
    UNION ALL
    SELECT unnest(ARRAY[t.top_up_id, '~top-up:' || t.top_up_id, '~payment:' || t.payment]) FROM top_ups t
    WHERE t.company_id = $1 AND t.top_up_id = $2 AND NOT EXISTS (SELECT FROM second)
)
SELECT e.number FROM keys JOIN entries e ON e.company_id = $1 AND e.idempotency_key = keys.key AND e.kind = Kind.TOP_UP
ORDER BY e.number LIMIT 1

-- remaining --
-- The remaining amount of the receipt for entry $2 after all its corrections.
SELECT coalesce(sum((content ->> 'amount')::bigint), 0)::bigint FROM receipts
WHERE company_id = $1 AND (number = $2 OR original_number = $2)

-- take_serial --
-- Take the next number of the series of prefix $1 and year $2, at time $3 or that of the previous receipt if later.
INSERT INTO receipt_series AS s (prefix, year, last, issued_at) VALUES ($1, $2, 1, $3)
ON CONFLICT (prefix, year) DO UPDATE SET last = s.last + 1, issued_at = greatest(s.issued_at, excluded.issued_at)
RETURNING last, issued_at

-- insert --
INSERT INTO receipts (company_id, number, kind, prefix, year, serial, issued_at, content, original_number)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)

-- advance --
UPDATE receipt_marks SET number = greatest(number, $2) WHERE company_id = $1

-- list --
-- A company's receipts below number $2, newest first.
SELECT content FROM receipts WHERE company_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3

-- find --
-- Of any company.
SELECT content FROM receipts WHERE prefix = $1 AND year = $2 AND serial = $3

-- company_exists --
SELECT true FROM companies WHERE company_id = $1
