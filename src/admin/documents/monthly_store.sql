-- wallet --
SELECT w.currency, w.last_number, w.last_at, coalesce(r.number, 0) AS counted,
    (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now
FROM wallets w LEFT JOIN rollups r USING (company_id) WHERE w.company_id = $1

-- balances --
SELECT balance_after, held_after FROM entries WHERE company_id = $1 AND number = $2

-- money --
-- Top-ups and adjustments from number $2 to $3.
SELECT kind, CASE WHEN kind = Kind.ADJUSTMENT THEN coalesce(reason, '') ELSE '' END AS reason, count(*) AS count,
    sum(amount)::bigint AS amount
FROM entries WHERE company_id = $1 AND number BETWEEN $2 AND $3 AND kind IN (Kind.TOP_UP, Kind.ADJUSTMENT)
GROUP BY 1, 2 ORDER BY 1, 2
