-- The spending that spend limits count, as in wallet.domain.limits.
--
-- Charges and late captures count when they are made. Changes of an authorization count in the window in which it was
-- opened: the hold as the authorization's usage, the captured amount as the capture's own usage if it has one (one
-- authorization may cover a whole campaign). An authorization that is older than a limit counts in its first window.

-- The start of the window that `at` is in.
CREATE OR REPLACE FUNCTION window_start(time_window smallint, at bigint)
RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE time_window
        WHEN Window.HOUR THEN at - at % 3600000000
        WHEN Window.DAY THEN at - at % 86400000000
        ELSE (extract(epoch FROM date_trunc('month', to_timestamp(at / 1000000) AT TIME ZONE 'UTC')) * 1000000)::bigint
    END;
$$;

-- The spending of an attempt: the hold counts as one usage, the amount taken as another. NULL for credits, refunds and
-- adjustments, which are no spending. Columns of `spending`: at; held_channel, held_country, held; channel, country, taken.
CREATE OR REPLACE FUNCTION spending_of(attempt ledger_attempt, hold authorizations, last_at bigint)
RETURNS spending
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN attempt.kind = Kind.CHARGE OR attempt.late THEN ROW(
            greatest(last_at, attempt.applied_at), NULL, NULL, 0,
            attempt.channel, attempt.country, -attempt.amount)::spending
        WHEN attempt.kind = Kind.AUTHORIZATION THEN ROW(
            attempt.applied_at, attempt.channel, attempt.country, attempt.held_delta, NULL, NULL, 0)::spending
        WHEN attempt.kind IN (Kind.INCREMENT, Kind.CAPTURE, Kind.VOID, Kind.EXPIRY) THEN ROW(
            hold.created_at, hold.channel, hold.country, attempt.held_delta,
            coalesce(attempt.channel, hold.channel),
            CASE WHEN attempt.channel IS NULL THEN hold.country ELSE attempt.country END, -attempt.amount)::spending
    END;
$$;

-- Whether a limit counts usage of a channel and a country (NULL: none).
CREATE OR REPLACE FUNCTION limit_counts(which spend_limits, channel smallint, country text)
RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT ((which).channel IS NULL OR (which).channel IS NOT DISTINCT FROM channel)
       AND ((which).country IS NULL OR (which).country IS NOT DISTINCT FROM country);
$$;

-- The limits that count a spending, the start of the window that it belongs to, and the amount that it adds, not 0.
CREATE OR REPLACE FUNCTION limits_counting(company text, spending spending)
RETURNS TABLE (which spend_limits, starts_at bigint, delta bigint)
LANGUAGE sql STABLE AS $$
    SELECT c.l, c.starts_at, c.delta
    FROM (
        SELECT l, window_start(l.time_window, greatest((spending).at, l.counts_from)) AS starts_at,
            CASE WHEN limit_counts(l, (spending).held_channel, (spending).held_country) THEN (spending).held ELSE 0 END
            + CASE WHEN limit_counts(l, (spending).channel, (spending).country) THEN (spending).taken ELSE 0 END AS delta
        FROM spend_limits l WHERE l.company_id = company) c
    WHERE c.delta <> 0;
$$;

-- The limits that a spending would exceed, the one with the longest window first, and the amount spent of each. A change
-- that releases money exceeds no limit, even if more is spent than a limit that was lowered.
CREATE OR REPLACE FUNCTION limits_passed(company text, spending spending)
RETURNS TABLE (which spend_limits, starts_at bigint, spent bigint, delta bigint)
LANGUAGE sql STABLE AS $$
    SELECT c.which, c.starts_at, coalesce(s.spent, 0), c.delta
    FROM limits_counting(company, spending) c
    LEFT JOIN spend_counters s
        ON s.company_id = company AND s.limit_id = (c.which).limit_id AND s.starts_at = c.starts_at
    WHERE c.delta > 0 AND coalesce(s.spent, 0) + c.delta > (c.which).amount
    ORDER BY (c.which).time_window DESC, (c.which).limit_id;
$$;

-- Add a spending to the counters of all limits that count it.
CREATE OR REPLACE FUNCTION count_spending(company text, spending spending)
RETURNS void
LANGUAGE sql VOLATILE AS $$
    INSERT INTO spend_counters AS s (company_id, limit_id, starts_at, spent)
    SELECT company, (c.which).limit_id, c.starts_at, c.delta FROM limits_counting(company, spending) c
    ON CONFLICT (company_id, limit_id, starts_at) DO UPDATE SET spent = s.spent + excluded.spent;
$$;

-- The spending of an entry, the same as `spending_of` its attempt. `hold` is its authorization (NULL for a late capture,
-- which is a charge).
CREATE OR REPLACE FUNCTION entry_spending(entry entries, hold authorizations)
RETURNS spending
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN (entry).kind IN (Kind.CHARGE, Kind.AUTHORIZATION, Kind.INCREMENT, Kind.CAPTURE, Kind.VOID, Kind.EXPIRY)
        THEN ROW(
            coalesce((hold).created_at, (entry).created_at), (hold).channel, (hold).country, (entry).held_delta,
            coalesce((entry).channel, (hold).channel),
            CASE WHEN (entry).channel IS NULL THEN (hold).country ELSE (entry).country END,
            -(entry).amount)::spending
    END;
$$;

-- The amount that an entry adds to the counter of a limit, and the start of the window; 0 if it is not counted. Of an
-- authorization from before its first window, a limit counts the hold when the limit was made, and later spending.
CREATE OR REPLACE FUNCTION entry_counted(which spend_limits, entry entries, hold authorizations)
RETURNS TABLE (starts_at bigint, delta bigint)
LANGUAGE sql IMMUTABLE AS $$
    SELECT window_start((which).time_window, greatest((s.of).at, (which).counts_from)),
        CASE WHEN limit_counts(which, (s.of).held_channel, (s.of).held_country) THEN (s.of).held ELSE 0 END
        + CASE WHEN limit_counts(which, (s.of).channel, (s.of).country)
                    AND ((s.of).at >= (which).counts_from OR (entry).number > (which).made_at)
               THEN (s.of).taken ELSE 0 END
    FROM (SELECT entry_spending(entry, hold) AS of) s
    WHERE (s.of).at >= (which).counts_from OR (hold).company_id IS NOT NULL;
$$;
