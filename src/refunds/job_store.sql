-- insert --
-- No row is returned if the id is taken.
INSERT INTO refund_jobs (job_id, fingerprint, reason, requested_by, reference, company_id, starts_at, ends_at, channel,
    country, campaign_id, contact_id, listed, expected)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT DO NOTHING RETURNING job_id

-- insert_expected --
INSERT INTO refund_job_amounts (job_id, currency, expected, refunded) VALUES ($1, $2, $3, 0)

-- fingerprint --
SELECT fingerprint FROM refund_jobs WHERE job_id = $1

-- get --
SELECT j.*, a.amounts FROM refund_jobs j
LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(currency, jsonb_build_array(expected, refunded))::text AS amounts
    FROM refund_job_amounts WHERE job_id = j.job_id) a ON true
WHERE j.job_id = $1

-- list --
-- Up to $2 jobs, newest first, with serials below $1.
SELECT j.*, a.amounts FROM refund_jobs j
LEFT JOIN LATERAL (
    SELECT jsonb_object_agg(currency, jsonb_build_array(expected, refunded))::text AS amounts
    FROM refund_job_amounts WHERE job_id = j.job_id) a ON true
WHERE j.serial < $1 ORDER BY j.serial DESC LIMIT $2

-- running --
-- Up to $1 running jobs, oldest first.
SELECT j.*, NULL AS amounts FROM refund_jobs j WHERE j.state = JobState.RUNNING ORDER BY j.serial LIMIT $1

-- cancel --
UPDATE refund_jobs SET state = JobState.CANCELED, ended_at = now(), updated_at = now()
WHERE job_id = $1 AND state = JobState.RUNNING

-- next_wallet --
-- The first company after $1 with an entry at $2 or later.
SELECT company_id FROM wallets WHERE company_id > $1 AND last_at >= $2 ORDER BY company_id LIMIT 1

-- currency --
SELECT currency FROM wallets WHERE company_id = $1

-- matching --
-- Charges and captures of company $1, number $2 to $3, of channel $4, country $5, campaign $6, contact $7 (NULL: any), at
-- most $9, in order; the refunded amount of each, and that under the key that begins with $8 and ends with its number
-- (NULL: there is no job). A capture without a usage of its own has its authorization's.
SELECT e.number, -e.amount AS price,
       (SELECT coalesce(sum(r.amount), 0) FROM entries r
        WHERE r.company_id = e.company_id AND r.refunded_number = e.number)::bigint AS refunded,
       (SELECT k.amount FROM entries k
        WHERE k.company_id = e.company_id AND k.idempotency_key = $8 || e.number::text) AS own
FROM entries e LEFT JOIN authorizations a
    ON e.channel IS NULL AND a.company_id = e.company_id AND a.authorization_id = e.authorization_id
WHERE e.company_id = $1 AND e.number BETWEEN $2 AND $3 AND e.kind IN (Kind.CHARGE, Kind.CAPTURE) AND e.amount < 0
  AND ($4::smallint IS NULL OR coalesce(e.channel, a.channel) = $4)
  AND ($5::text IS NULL OR CASE WHEN e.channel IS NULL THEN a.country ELSE e.country END = $5)
  AND ($6::text IS NULL OR CASE WHEN e.channel IS NULL THEN a.campaign_id ELSE e.campaign_id END = $6)
  AND ($7::text IS NULL OR CASE WHEN e.channel IS NULL THEN a.contact_id ELSE e.contact_id END = $7)
ORDER BY e.number LIMIT $9

-- listed --
-- The listed charges of job $1 after number $3 of company $2, at most $5, in order; the rest as in `matching`.
-- A price of NULL: there is no such charge.
SELECT l.company_id, l.number, coalesce(w.currency, '') AS currency, -e.amount AS price,
       (SELECT coalesce(sum(r.amount), 0) FROM entries r
        WHERE r.company_id = l.company_id AND r.refunded_number = l.number)::bigint AS refunded,
       (SELECT k.amount FROM entries k
        WHERE k.company_id = l.company_id AND k.idempotency_key = $4 || l.number::text) AS own
FROM (SELECT * FROM refund_job_charges WHERE job_id = $1 AND (company_id, number) > ($2, $3)
      ORDER BY company_id, number LIMIT $5) l
LEFT JOIN wallets w ON w.company_id = l.company_id
LEFT JOIN entries e ON e.company_id = l.company_id AND e.number = l.number AND e.kind IN (Kind.CHARGE, Kind.CAPTURE)
ORDER BY l.company_id, l.number

-- estimated --
-- The amount that can still be refunded of listed charges: $1 companies, $2 numbers.
SELECT w.currency, count(*) AS charges, count(*) FILTER (WHERE r.refunded >= -e.amount) AS already_refunded,
       coalesce(sum(-e.amount - r.refunded), 0)::bigint AS amount
FROM unnest($1::text[], $2::bigint[]) l (company_id, number)
JOIN wallets w ON w.company_id = l.company_id
JOIN entries e ON e.company_id = l.company_id AND e.number = l.number AND e.kind IN (Kind.CHARGE, Kind.CAPTURE)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(amount), 0)::bigint AS refunded FROM entries
    WHERE company_id = l.company_id AND refunded_number = l.number) r
GROUP BY w.currency

-- advance --
-- Move job $1 from its position ($2, $3) to ($4, $5) and add to its counters. No row is returned if another process
-- moved it.
UPDATE refund_jobs SET
    at_company = $4, at_number = $5, matched = matched + $6, refunded = refunded + $7,
    already_refunded = already_refunded + $8, failed = failed + $9,
    failures = CASE WHEN jsonb_array_length(failures) >= $11 THEN failures ELSE failures || $10::jsonb END,
    state = CASE WHEN state = JobState.RUNNING AND $12 THEN JobState.SUCCEEDED ELSE state END,
    ended_at = CASE WHEN state = JobState.RUNNING AND $12 THEN now() ELSE ended_at END,
    updated_at = now()
WHERE job_id = $1 AND at_company = $2 AND at_number = $3
RETURNING true

-- add_amount --
INSERT INTO refund_job_amounts (job_id, currency, expected, refunded) VALUES ($1, $2, 0, $3)
ON CONFLICT (job_id, currency) DO UPDATE SET refunded = refund_job_amounts.refunded + excluded.refunded
