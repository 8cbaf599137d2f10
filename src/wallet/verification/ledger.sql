-- Reads of the ledger for wallet/verification/ledger.py.
--
-- A check is a SELECT of company_id, place (by which the problems of a company are sorted) and detail, for the companies
-- after $1 up to and including $2 (NULL: all the rest). Each runs inside `listed`, and compares within one snapshot.
-- Sums are numeric, so that a tampered number is reported and does not overflow the check.

-- range_end --
-- The company at which the range after $1 ends, with $2 entries or $3 wallets; NULL for all the rest.
SELECT min(company_id)
FROM (
    SELECT company_id,
           sum(greatest(last_number, 0)) OVER (ORDER BY company_id) AS entries_reached,
           row_number() OVER (ORDER BY company_id) AS wallets_reached
    FROM (SELECT company_id, last_number FROM wallets WHERE company_id > $1 ORDER BY company_id LIMIT $3) following
) counted
WHERE entries_reached >= $2 OR wallets_reached >= $3

-- range_settings --
-- For one range: plans that know its bounds, sorts in memory, one core (the others are for charging), and rows
-- read from the tables themselves. (An index-only scan of a unique index could not show a duplicate.)
-- $1 is the bound in ms of one statement.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('work_mem', '64MB', true),
       set_config('max_parallel_workers_per_gather', '0', true),
       set_config('enable_indexonlyscan', 'off', true),
       set_config('statement_timeout', $1, true)

-- range_counts --
-- The numbers of wallets and entries of a range.
SELECT
    (SELECT count(*) FROM wallets
     WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)) AS wallets,
    (SELECT count(*) FROM entries
     WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)) AS entries

-- listed --
-- The number of all problems that a check finds, and at most $3 of them, the first of every company before the second
-- of any.
WITH offenders AS (
/* check */
)
SELECT company_id, detail,
       row_number() OVER (PARTITION BY company_id ORDER BY place) AS rank,
       count(*) OVER () AS found
FROM offenders
ORDER BY rank, company_id
LIMIT $3

-- steps --
-- P4: each entry follows the one before it: its number is the next one, its sums are those before and its own change,
-- and neither the clock nor the epoch goes back.
SELECT company_id, number AS place,
       format('transaction %s (amount %s, held delta %s): expected number %s, balance %s, held %s, epoch and time not '
              'before %s and %s; found balance %s, held %s, epoch %s, time %s',
              number, amount, held_delta, before_number + 1, before_balance::numeric + amount,
              before_held::numeric + held_delta, before_epoch, before_at, balance_after, held_after, epoch, created_at)
       AS detail
FROM (
    SELECT company_id, number, amount, held_delta, balance_after, held_after, epoch, created_at,
           lag(number, 1, 0::bigint) OVER preceding AS before_number,
           lag(balance_after, 1, 0::bigint) OVER preceding AS before_balance,
           lag(held_after, 1, 0::bigint) OVER preceding AS before_held,
           lag(epoch, 1, 0::bigint) OVER preceding AS before_epoch,
           lag(created_at, 1, 0::bigint) OVER preceding AS before_at
    FROM entries
    WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
    WINDOW preceding AS (PARTITION BY company_id ORDER BY number)
) steps
WHERE number - 1 <> before_number
   OR balance_after <> before_balance::numeric + amount
   OR held_after <> before_held::numeric + held_delta
   OR epoch < before_epoch
   OR created_at < before_at

-- changes --
-- P4: an entry changes the amounts that its kind may change, with the sign of its kind, and names its authorization or
-- charge. The amounts of refunds are checked with the refunds.
SELECT company_id, number AS place,
       format('transaction %s of kind %s has amount %s, held delta %s, balance %s, held %s, authorization %s',
              number, kind, amount, held_delta, balance_after, held_after, coalesce(authorization_id, 'none')) AS detail
FROM entries
WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
  AND NOT (
    CASE
        WHEN kind = Kind.CHARGE THEN amount <= 0 AND held_delta = 0
        WHEN kind = Kind.TOP_UP THEN amount > 0 AND held_delta = 0
        WHEN kind IN (Kind.ADJUSTMENT, Kind.REFUND) THEN held_delta = 0
        WHEN kind = Kind.AUTHORIZATION THEN amount = 0 AND held_delta >= 0 AND authorization_id IS NOT NULL
        WHEN kind = Kind.INCREMENT THEN amount = 0 AND authorization_id IS NOT NULL
        WHEN kind = Kind.CAPTURE THEN amount <= 0 AND held_delta <= 0 AND authorization_id IS NOT NULL
        WHEN kind IN (Kind.VOID, Kind.EXPIRY) THEN amount = 0 AND held_delta <= 0 AND authorization_id IS NOT NULL
        ELSE false
    END
    AND balance_after BETWEEN -9000000000000000 AND 9000000000000000
    AND held_after BETWEEN 0 AND 9000000000000000)

-- wallets --
-- P4: a wallet is the sum of its entries, and names the last of them; no entry is without a wallet.
WITH epochs AS (
    SELECT company_id, epoch, count(*) AS entries, max(number) AS last_number, max(seq) AS last_seq,
           sum(amount) AS balance, sum(held_delta) AS held, max(created_at) AS last_at
    FROM entries
    WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
    GROUP BY company_id, epoch
), sums AS (
    SELECT company_id, sum(entries) AS entries, max(last_number) AS last_number, max(epoch) AS epoch,
           sum(balance) AS balance, sum(held) AS held, max(last_at) AS last_at
    FROM epochs
    GROUP BY company_id
), range AS (
    SELECT * FROM wallets WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
)
SELECT coalesce(wallet.company_id, sums.company_id) AS company_id, 0 AS place,
       CASE WHEN wallet.currency IS NULL THEN format('%s transactions and no wallet', sums.entries)
            ELSE format('the wallet has balance %s, held %s, last number %s, epoch %s, last seq %s, time %s; its %s '
                        'transactions make balance %s, held %s, last number %s, epoch %s, last seq %s, time %s',
                        wallet.balance, wallet.held, wallet.last_number, wallet.epoch, wallet.last_seq, wallet.last_at,
                        coalesce(sums.entries, 0), coalesce(sums.balance, 0), coalesce(sums.held, 0),
                        coalesce(sums.last_number, 0), coalesce(sums.epoch, 0), coalesce(newest.last_seq, 0),
                        coalesce(sums.last_at, 0))
       END AS detail
FROM sums
FULL JOIN range AS wallet ON wallet.company_id = sums.company_id
LEFT JOIN epochs AS newest ON newest.company_id = wallet.company_id AND newest.epoch = wallet.epoch
WHERE wallet.currency IS NULL
   OR wallet.balance <> coalesce(sums.balance, 0)
   OR wallet.held <> coalesce(sums.held, 0)
   OR wallet.last_number <> coalesce(sums.last_number, 0)
   OR wallet.last_number <> coalesce(sums.entries, 0)
   OR wallet.last_seq <> coalesce(newest.last_seq, 0)
   OR wallet.epoch < sums.epoch
   OR wallet.last_at < sums.last_at

-- holds --
-- P4: the held amount of a wallet is the sum of its open authorizations.
WITH open AS (
    SELECT company_id, count(*) AS authorizations, sum(held) AS held
    FROM authorizations
    WHERE state = AuthorizationState.OPEN AND company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
    GROUP BY company_id
), range AS (
    SELECT company_id, held FROM wallets WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
)
SELECT company_id, 0 AS place,
       format('the wallet holds %s; its %s open authorizations hold %s', coalesce(range.held::text, 'nothing'),
              coalesce(open.authorizations, 0), coalesce(open.held, 0)) AS detail
FROM open
FULL JOIN range USING (company_id)
WHERE coalesce(range.held, 0) <> coalesce(open.held, 0)

-- authorizations --
-- P4: an authorization is the sum of its entries, was opened by one of them and ended by at most one, holds nothing
-- once it is closed, and has authorized what it captured and holds while it is open.
WITH sums AS (
    SELECT company_id, authorization_id, count(*) AS entries, sum(held_delta) AS held, -sum(amount) AS captured,
           count(*) FILTER (WHERE kind = Kind.AUTHORIZATION) AS openings,
           min(number) FILTER (WHERE kind = Kind.AUTHORIZATION) AS opened_number,
           count(*) FILTER (WHERE kind = Kind.VOID) AS voids,
           count(*) FILTER (WHERE kind = Kind.EXPIRY) AS expiries
    FROM entries
    WHERE authorization_id IS NOT NULL AND company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
    GROUP BY company_id, authorization_id
), range AS (
    SELECT * FROM authorizations WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
)
SELECT company_id, authorization_id AS place,
       format('authorization %s is in state %s with amount %s, captured %s, held %s, opened by transaction %s; its %s '
              'transactions captured %s and hold %s, and it was opened by %s, voided by %s and expired by %s of them',
              authorization_id, coalesce(found.state::text, 'none'), found.amount, found.captured, found.held,
              found.opened_number, coalesce(sums.entries, 0), sums.captured, sums.held, sums.openings, sums.voids,
              sums.expiries) AS detail
FROM sums
FULL JOIN range AS found USING (company_id, authorization_id)
WHERE found.state IS NULL
   OR sums.entries IS NULL
   OR found.held <> sums.held
   OR found.captured <> sums.captured
   OR sums.openings <> 1
   OR found.opened_number <> sums.opened_number
   OR sums.voids <> (found.state = AuthorizationState.VOIDED)::int
   OR sums.expiries <> (found.state = AuthorizationState.EXPIRED)::int
   OR CASE WHEN found.state = AuthorizationState.OPEN THEN found.amount <> found.captured::numeric + found.held
           ELSE found.held <> 0 END

-- floor --
-- P1: an entry that lowers the available balance leaves it at or above the floor in force: CHARGE, AUTHORIZATION,
-- INCREMENT and CAPTURE always, ADJUSTMENT unless it was allowed below the floor.
SELECT company_id, number AS place,
       format('transaction %s of kind %s left balance %s and held %s, below the floor of %s',
              number, kind, balance_after, held_after, floor) AS detail
FROM entries
WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
  AND (kind IN (Kind.CHARGE, Kind.AUTHORIZATION, Kind.INCREMENT, Kind.CAPTURE) OR kind = Kind.ADJUSTMENT AND checked)
  AND amount < held_delta
  AND balance_after::numeric - held_after < floor

-- keys --
-- P2: a key made one entry.
SELECT company_id, min(number) AS place,
       format('%s transactions have the key %s, the first is %s, the last %s',
              count(*), idempotency_key, min(number), max(number)) AS detail
FROM entries
WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
GROUP BY company_id, idempotency_key
HAVING count(*) > 1

-- attempts --
-- P2: an attempt of Redis made one entry.
SELECT company_id, min(number) AS place,
       format('%s transactions come from the attempt %s:%s, the first is %s, the last %s',
              count(*), epoch, seq, min(number), max(number)) AS detail
FROM entries
WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
GROUP BY company_id, epoch, seq
HAVING count(*) > 1

-- refunds --
-- P6: a refund returns a positive amount of an earlier charge or capture of the company; all refunds of it return no more
-- than it took.
WITH refunds AS (
    SELECT company_id, refunded_number, count(*) AS refunds, sum(amount) AS refunded, min(amount) AS amount_min,
           min(number) AS first_number, bool_and(kind = Kind.REFUND) AS only_refunds
    FROM entries
    WHERE (kind = Kind.REFUND OR refunded_number IS NOT NULL)
      AND company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
    GROUP BY company_id, refunded_number
), charges AS (
    SELECT company_id, number AS refunded_number, kind, amount
    FROM entries
    WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
)
SELECT company_id, refunds.first_number AS place,
       format('%s refunds (the first is transaction %s, the smallest %s) give back %s of transaction %s, which is of '
              'kind %s with amount %s', refunds.refunds, refunds.first_number, refunds.amount_min, refunds.refunded,
              coalesce(refunded_number::text, 'none'), coalesce(charges.kind::text, 'none'), charges.amount) AS detail
FROM refunds
LEFT JOIN charges USING (company_id, refunded_number)
WHERE charges.kind IS NULL
   OR charges.kind NOT IN (Kind.CHARGE, Kind.CAPTURE)
   OR refunds.refunded + charges.amount > 0
   OR refunds.amount_min <= 0
   OR NOT refunds.only_refunds
   OR refunds.first_number <= refunded_number

-- prices --
-- P7: the amount of an entry that was priced by a rate follows from the price that the entry pins.
SELECT company_id, number AS place,
       format('transaction %s of kind %s took %s and held %s, by its price it is %s', number, kind, -amount,
              held_delta, priced) AS detail
FROM (
    SELECT company_id, number, kind, held_delta, amount,
           coalesce((price ->> 'connect_fee')::numeric, 0) + round(
               (price ->> 'unit_price')::numeric * (price ->> 'billed')::numeric
               / coalesce((price ->> 'unit')::numeric, 1)) AS priced
    FROM entries
    WHERE price IS NOT NULL AND kind IN (Kind.CHARGE, Kind.AUTHORIZATION, Kind.CAPTURE)
      AND NOT coalesce((price ->> 'by_request')::boolean, false)
      AND company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
) priced
WHERE priced <> CASE kind WHEN Kind.AUTHORIZATION THEN held_delta ELSE -amount END

-- limits --
-- P8: a counter is the sum of the spending that its limit counts in its window.
WITH sums AS (
    SELECT l.company_id, l.limit_id, c.starts_at, sum(c.delta) AS spent
    FROM spend_limits l
    JOIN entries e USING (company_id)
    LEFT JOIN authorizations a
        ON a.company_id = e.company_id AND a.authorization_id = e.authorization_id AND NOT e.late
    CROSS JOIN LATERAL entry_counted(l, e, a) c
    WHERE e.kind IN (Kind.CHARGE, Kind.AUTHORIZATION, Kind.INCREMENT, Kind.CAPTURE, Kind.VOID, Kind.EXPIRY)
      AND l.company_id > $1 AND ($2::text IS NULL OR l.company_id <= $2)
    GROUP BY l.company_id, l.limit_id, c.starts_at
), counters AS (
    SELECT * FROM spend_counters WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
)
SELECT company_id, starts_at AS place,
       format('spend limit %s has %s for its window from %s on; its transactions make %s', limit_id,
              coalesce(counters.spent::text, 'nothing'), starts_at, coalesce(sums.spent, 0)) AS detail
FROM sums FULL JOIN counters USING (company_id, limit_id, starts_at)
WHERE coalesce(counters.spent, 0) <> coalesce(sums.spent, 0)
