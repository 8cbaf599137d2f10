-- companies_behind --
-- Up to $2 companies after $1, by id, with uncounted entries.
SELECT w.company_id FROM wallets w LEFT JOIN rollups r USING (company_id)
WHERE w.company_id > $1 AND w.last_number > coalesce(r.number, 0)
ORDER BY w.company_id LIMIT $2

-- last_number --
SELECT last_number FROM wallets WHERE company_id = $1

-- counted --
SELECT number FROM rollups WHERE company_id = $1

-- begin --
INSERT INTO rollups (company_id, number) VALUES ($1, 0) ON CONFLICT DO NOTHING

-- lock --
SELECT number FROM rollups WHERE company_id = $1 FOR UPDATE

-- count --
-- Add the entries above number $2, up to $3 of them, to their days; return their count and the last number.
-- A capture without usage has that of its authorization, and a refund that of its charge. If the request named the amount,
-- the entry has no price, and its billed quantity is the used one.
WITH slice AS (
    SELECT e.number, e.kind, e.amount, e.created_at,
           CASE WHEN e.channel IS NOT NULL THEN e.channel WHEN o.channel IS NOT NULL THEN o.channel
                ELSE a.channel END AS channel,
           CASE WHEN e.channel IS NOT NULL THEN e.country WHEN o.channel IS NOT NULL THEN o.country
                ELSE a.country END AS country,
           coalesce((e.price ->> 'used')::bigint, e.quantity, 0) AS used,
           coalesce((e.price ->> 'billed')::bigint, e.quantity, 0) AS billed
    FROM entries e
    -- With LIMIT each row is looked up by its key. A plain join would read all entries of the company for a slice.
    LEFT JOIN LATERAL (
        SELECT channel, country, authorization_id FROM entries
        WHERE e.kind = Kind.REFUND AND company_id = $1 AND number = e.refunded_number LIMIT 1) o ON true
    LEFT JOIN LATERAL (
        SELECT channel, country FROM authorizations
        WHERE e.kind IN (Kind.REFUND, Kind.CAPTURE) AND e.channel IS NULL AND o.channel IS NULL
          AND company_id = $1 AND authorization_id = coalesce(e.authorization_id, o.authorization_id) LIMIT 1) a ON true
    WHERE e.company_id = $1 AND e.number > $2 AND e.number <= $2::bigint + $3::bigint
      AND e.kind IN (Kind.CHARGE, Kind.REFUND, Kind.CAPTURE)
), counted AS (
    INSERT INTO usage_days AS d
    SELECT $1, (to_timestamp(created_at / 1000000) AT TIME ZONE 'UTC')::date, coalesce(channel, 0), coalesce(country, ''),
           count(*) FILTER (WHERE kind <> Kind.REFUND),
           coalesce(sum(used) FILTER (WHERE kind <> Kind.REFUND), 0),
           coalesce(sum(billed) FILTER (WHERE kind <> Kind.REFUND), 0),
           coalesce(sum(-amount) FILTER (WHERE kind <> Kind.REFUND), 0),
           count(*) FILTER (WHERE kind = Kind.REFUND),
           coalesce(sum(amount) FILTER (WHERE kind = Kind.REFUND), 0)
    FROM slice GROUP BY 2, 3, 4
    ON CONFLICT (company_id, day, channel, country) DO UPDATE SET
        transactions = d.transactions + excluded.transactions,
        used = d.used + excluded.used,
        billed = d.billed + excluded.billed,
        spent = d.spent + excluded.spent,
        refunds = d.refunds + excluded.refunds,
        refunded = d.refunded + excluded.refunded
)
SELECT count(*) AS entries, max(number) AS last
FROM entries WHERE company_id = $1 AND number > $2 AND number <= $2::bigint + $3::bigint

-- advance --
UPDATE rollups SET number = $2 WHERE company_id = $1

-- wallet --
SELECT w.currency, coalesce(r.number, 0) AS number
FROM wallets w LEFT JOIN rollups r USING (company_id) WHERE w.company_id = $1

-- by_day --
-- By day and channel: days $2 to $3, channel $4 and country $5 (NULL: all).
SELECT day, channel, '' AS country, sum(transactions)::bigint AS transactions, sum(used)::bigint AS used,
    sum(billed)::bigint AS billed, sum(spent)::bigint AS spent, sum(refunds)::bigint AS refunds,
    sum(refunded)::bigint AS refunded
FROM usage_days
WHERE company_id = $1 AND day BETWEEN $2 AND $3
  AND ($4::smallint IS NULL OR channel = $4) AND ($5::text IS NULL OR country = $5)
GROUP BY day, channel ORDER BY day, channel

-- by_country --
-- By channel and country, over all of these days.
SELECT NULL::date AS day, channel, country, sum(transactions)::bigint AS transactions, sum(used)::bigint AS used,
    sum(billed)::bigint AS billed, sum(spent)::bigint AS spent, sum(refunds)::bigint AS refunds,
    sum(refunded)::bigint AS refunded
FROM usage_days
WHERE company_id = $1 AND day BETWEEN $2 AND $3
  AND ($4::smallint IS NULL OR channel = $4) AND ($5::text IS NULL OR country = $5)
GROUP BY channel, country ORDER BY channel, sum(spent) DESC, country
