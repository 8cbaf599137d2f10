-- usage --
-- Each day's usage is the sum of the entries up to the one that is counted last. It is reckoned in another way than by
-- usage.sql, and runs as the checks of verify.sql do.
WITH named AS (
    SELECT company_id, number, channel, country FROM entries
    WHERE channel IS NOT NULL AND company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
    UNION ALL
    SELECT e.company_id, e.number, a.channel, a.country
    FROM entries e JOIN authorizations a USING (company_id, authorization_id)
    WHERE e.channel IS NULL AND e.kind = 7 AND e.company_id > $1 AND ($2::text IS NULL OR e.company_id <= $2)
), sums AS (
    SELECT e.company_id, date_trunc('day', to_timestamp(e.created_at / 1000000) AT TIME ZONE 'UTC')::date AS day,
           coalesce(n.channel, 0) AS channel, coalesce(n.country, '') COLLATE "C" AS country,
           sum((e.kind <> 4)::int) AS transactions,
           sum(CASE WHEN e.kind = 4 THEN 0 ELSE coalesce((e.price ->> 'used')::numeric, e.quantity, 0) END) AS used,
           sum(CASE WHEN e.kind = 4 THEN 0 ELSE coalesce((e.price ->> 'billed')::numeric, e.quantity, 0) END) AS billed,
           sum(CASE WHEN e.kind = 4 THEN 0 ELSE -e.amount END) AS spent,
           sum((e.kind = 4)::int) AS refunds,
           sum(CASE WHEN e.kind = 4 THEN e.amount ELSE 0 END) AS refunded
    FROM rollups r
    JOIN entries e ON e.company_id = r.company_id AND e.number <= r.number AND e.kind IN (1, 4, 7)
    LEFT JOIN named n ON n.company_id = e.company_id
        AND n.number = CASE WHEN e.kind = 4 AND e.channel IS NULL THEN e.refunded_number ELSE e.number END
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
