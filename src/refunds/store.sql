-- charge --
-- Wallet $1, its charge or capture $2 (price NULL: there is none), the refunded amount, and whether an entry has the
-- key $3.
SELECT w.currency, -e.amount AS price,
       (SELECT coalesce(sum(r.amount), 0) FROM entries r WHERE r.company_id = $1 AND r.refunded_number = $2)::bigint
           AS refunded,
       EXISTS (SELECT FROM entries k WHERE k.company_id = $1 AND k.idempotency_key = $3) AS recorded
FROM wallets w
LEFT JOIN entries e ON e.company_id = w.company_id AND e.number = $2 AND e.kind IN (Kind.CHARGE, Kind.CAPTURE)
WHERE w.company_id = $1

-- channel --
-- The channel of charge $2 of company $1; a capture without a usage of its own has its authorization's.
SELECT coalesce(e.channel, a.channel)
FROM entries e LEFT JOIN authorizations a
    ON e.channel IS NULL AND a.company_id = e.company_id AND a.authorization_id = e.authorization_id
WHERE e.company_id = $1 AND e.number = $2
