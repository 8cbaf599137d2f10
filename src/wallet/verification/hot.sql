-- Reads of the ledger for wallet/verification/hot.py.

-- wallets --
-- The next $2 wallets after company $1, as they are before Redis is asked.
SELECT company_id, epoch, last_seq, last_number,
       EXISTS (SELECT FROM authorizations a
               WHERE a.company_id = w.company_id AND a.state = AuthorizationState.OPEN) AS has_holds
FROM wallets w
WHERE company_id > $1
ORDER BY company_id
LIMIT $2

-- open_authorizations --
-- The next $3 open authorizations of company $1 after authorization $2.
SELECT authorization_id
FROM authorizations
WHERE company_id = $1 AND state = AuthorizationState.OPEN AND authorization_id > $2
ORDER BY authorization_id
LIMIT $3

-- wallet --
-- In one snapshot: the wallet of company $1; its entries after entry $2 by attempts of epoch $3 with a seq above $4; the
-- attempts that are recorded under the keys $5; and the open ones of the authorizations $6, as Redis writes them but
-- without the epoch.
SELECT w.epoch, w.balance, w.held, w.floor, w.state, w.blocked, later.entries AS later_entries,
       (SELECT coalesce(string_agg(format('%s %s %s %s %s %s;', limit_id, time_window, coalesce(channel::text, '-'),
                                          coalesce(country, '-'), amount, counts_from), '' ORDER BY limit_id), '')
        FROM spend_limits WHERE company_id = $1) AS limits,
       ARRAY(SELECT ARRAY[format('spent %s %s', limit_id, starts_at), spent::text]
             FROM spend_counters WHERE company_id = $1) AS counters,
       later.amount AS later_amount, later.held_delta AS later_held_delta,
       later.authorizations AS later_authorizations, recorded.attempts AS recorded, open.holds
FROM wallets w
CROSS JOIN LATERAL (
    SELECT coalesce(sum(e.amount), 0)::bigint AS amount, coalesce(sum(e.held_delta), 0)::bigint AS held_delta,
           count(*) AS entries,
           coalesce(array_agg(DISTINCT e.authorization_id) FILTER (WHERE e.authorization_id IS NOT NULL), '{}')
           AS authorizations
    FROM entries e
    WHERE e.company_id = w.company_id AND e.number > $2 AND e.epoch = $3 AND e.seq > $4
) later
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(e.epoch || ':' || e.seq), '{}') AS attempts
    FROM entries e
    WHERE e.company_id = w.company_id AND e.idempotency_key = ANY ($5::text[])
) recorded
CROSS JOIN LATERAL (
    SELECT coalesce(array_agg(ARRAY[a.authorization_id,
                                    format('%s:%s:%s:%s:%s:%s%s', a.held, a.captured, a.expires_at, a.ttl_seconds,
                                           a.created_at, coalesce(a.channel, 0), coalesce(a.country, ''))]), '{}')
           AS holds
    FROM authorizations a
    WHERE a.company_id = w.company_id AND a.state = AuthorizationState.OPEN AND a.authorization_id = ANY ($6::text[])
) open
WHERE w.company_id = $1
