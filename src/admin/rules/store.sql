-- spent --
-- The spend of the entries from number $2 to $3 in the window that begins at $4, of channel $5 and country $6 (NULL: all), as a
-- new limit counts it. The id, window and amount of the limit do not matter here.
SELECT coalesce(sum(c.delta), 0)::bigint
FROM (SELECT ROW($1::text, '', Window.HOUR, $5::smallint, $6::text, 0, $4::bigint, $3::bigint)::spend_limits AS rule) l
CROSS JOIN entries e
LEFT JOIN authorizations a
    ON a.company_id = e.company_id AND a.authorization_id = e.authorization_id AND NOT e.late
CROSS JOIN LATERAL entry_counted(l.rule, e, a) c
WHERE e.company_id = $1 AND e.number BETWEEN $2 AND $3
  AND e.kind IN (Kind.CHARGE, Kind.AUTHORIZATION, Kind.INCREMENT, Kind.CAPTURE, Kind.VOID, Kind.EXPIRY)
  AND coalesce(a.created_at, e.created_at) >= $4

-- held_before --
-- The holds of open authorizations that were created before $2, of channel $3 and country $4 (NULL: all).
SELECT coalesce(sum(held), 0)::bigint FROM authorizations
WHERE company_id = $1 AND state = AuthorizationState.OPEN AND created_at < $2
  AND ($3::smallint IS NULL OR channel = $3) AND ($4::text IS NULL OR country = $4)

-- window_start --
-- The start of company $1's current window of length $2: that of now, or of its last entry if that is later.
SELECT window_start($2::smallint, greatest(last_at, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint))
FROM wallets WHERE company_id = $1

-- insert --
-- Nothing is returned if the id is taken.
INSERT INTO spend_limits (company_id, limit_id, time_window, channel, country, amount, counts_from, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT DO NOTHING RETURNING limit_id

-- insert_counter --
INSERT INTO spend_counters (company_id, limit_id, starts_at, spent) VALUES ($1, $2, $3, $4)

-- count --
SELECT count(*) FROM spend_limits WHERE company_id = $1

-- list --
-- Limit $2 of a company, or all of them (NULL), by id, with the counter of the current window.
SELECT l.*, w.starts_at, coalesce(s.spent, 0) AS spent
FROM spend_limits l
CROSS JOIN LATERAL (
    SELECT window_start(l.time_window, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint) AS starts_at) w
LEFT JOIN spend_counters s
    ON s.company_id = l.company_id AND s.limit_id = l.limit_id AND s.starts_at = w.starts_at
WHERE l.company_id = $1 AND ($2::text IS NULL OR l.limit_id = $2)
ORDER BY l.limit_id

-- change_amount --
UPDATE spend_limits SET amount = $3 WHERE company_id = $1 AND limit_id = $2 RETURNING limit_id

-- delete --
DELETE FROM spend_limits WHERE company_id = $1 AND limit_id = $2 RETURNING limit_id

-- lock_wallet --
SELECT * FROM wallets WHERE company_id = $1 FOR UPDATE

-- fence --
-- The settings change together with the epoch, so that the copy in Redis is stale from now on.
UPDATE wallets SET limited = EXISTS (SELECT FROM spend_limits l WHERE l.company_id = $1),
    epoch = wallet_next_epoch(epoch), last_seq = 0
WHERE company_id = $1
