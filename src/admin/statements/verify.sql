-- usage --
-- Each day's usage is the sum of the entries up to the one that is counted last. It is computed in another way than by
-- usage_store.sql, and runs as the checks of wallet/verification/ledger.sql.
WITH sums AS (
    SELECT e.company_id, date_trunc('day', to_timestamp(e.created_at / 1000000) AT TIME ZONE 'UTC')::date AS day,
           coalesce(c.channel, a.channel, 0) AS channel,
           coalesce(CASE WHEN c.channel IS NULL THEN a.country ELSE c.country END, '') COLLATE "C" AS country,
           sum((e.kind <> Kind.REFUND)::int) AS transactions,
           sum(CASE WHEN e.kind = Kind.REFUND THEN 0
                ELSE coalesce((e.price ->> 'used')::numeric, e.quantity, 0) END) AS used,
           sum(CASE WHEN e.kind = Kind.REFUND THEN 0
                ELSE coalesce((e.price ->> 'billed')::numeric, e.quantity, 0) END) AS billed,
           sum(CASE WHEN e.kind = Kind.REFUND THEN 0 ELSE -e.amount END) AS spent,
           sum((e.kind = Kind.REFUND)::int) AS refunds,
           sum(CASE WHEN e.kind = Kind.REFUND THEN e.amount ELSE 0 END) AS refunded
    FROM rollups r
    JOIN entries e ON e.company_id = r.company_id AND e.number <= r.number
        AND e.kind IN (Kind.CHARGE, Kind.REFUND, Kind.CAPTURE)
    -- Look up each refund's charge, and each authorization, by its key: Postgres would join all of them by company.
    CROSS JOIN LATERAL (
        SELECT e.channel, e.country, e.authorization_id WHERE e.kind <> Kind.REFUND OR e.channel IS NOT NULL
        UNION ALL
        (SELECT channel, country, authorization_id FROM entries
         WHERE e.kind = Kind.REFUND AND e.channel IS NULL
           AND company_id = e.company_id AND number = e.refunded_number LIMIT 1)
        UNION ALL
        SELECT NULL, NULL, NULL
        LIMIT 1) c
    LEFT JOIN LATERAL (
        SELECT channel, country FROM authorizations
        WHERE c.channel IS NULL AND company_id = e.company_id AND authorization_id = c.authorization_id LIMIT 1) a ON true
    WHERE r.company_id > $1 AND ($2::text IS NULL OR r.company_id <= $2)
    GROUP BY 1, 2, 3, 4
), kept AS (
    SELECT * FROM usage_days WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
)
SELECT company_id, day::text AS place,
       format('usage on %s of channel %s to "%s": expected %s, found %s', day, channel, country,
              CASE WHEN sums.spent IS NULL THEN 'none' ELSE concat_ws(' ', sums.transactions, sums.used, sums.billed,
                  sums.spent, sums.refunds, sums.refunded) END,
              CASE WHEN kept.spent IS NULL THEN 'none' ELSE concat_ws(' ', kept.transactions, kept.used, kept.billed,
                  kept.spent, kept.refunds, kept.refunded) END) AS detail
FROM sums FULL JOIN kept USING (company_id, day, channel, country)
WHERE (sums.transactions, sums.used, sums.billed, sums.spent, sums.refunds, sums.refunded)
    IS DISTINCT FROM (kept.transactions, kept.used, kept.billed, kept.spent, kept.refunds, kept.refunded)
UNION ALL
SELECT r.company_id, '', format('usage is counted up to transaction %s of %s', r.number, coalesce(w.last_number, 0))
FROM rollups r LEFT JOIN wallets w USING (company_id)
WHERE r.number > coalesce(w.last_number, 0) AND r.company_id > $1 AND ($2::text IS NULL OR r.company_id <= $2)
