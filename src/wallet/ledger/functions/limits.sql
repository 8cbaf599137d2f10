-- What spend limits count, as wallet.domain.limits. Charges and late captures count when they are made; what is done to an
-- authorization counts in the window in which it was opened, and as usage of the authorization's channel and country.

-- When the window begins that `at` is in. 1 hour, 2 day, 3 month.
CREATE OR REPLACE FUNCTION window_start(time_window smallint, at bigint)
RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE time_window
        WHEN 1 THEN at - at % 3600000000
        WHEN 2 THEN at - at % 86400000000
        ELSE (extract(epoch FROM date_trunc('month', to_timestamp(at / 1000000) AT TIME ZONE 'UTC')) * 1000000)::bigint
    END;
$$;

-- What an attempt adds to what is spent, when, and on what; NULL for what is no spending: credits, refunds, adjustments.
CREATE OR REPLACE FUNCTION spending_of(attempt ledger_attempt, hold authorizations, last_at bigint)
RETURNS spending
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN attempt.kind = 1 OR attempt.late THEN ROW(
            greatest(last_at, attempt.applied_at), attempt.channel, attempt.country, -attempt.amount)::spending
        WHEN attempt.kind = 5 THEN ROW(
            attempt.applied_at, attempt.channel, attempt.country, attempt.held_delta)::spending
        WHEN attempt.kind IN (6, 7, 8, 9) THEN ROW(
            hold.created_at, hold.channel, hold.country, attempt.held_delta - attempt.amount)::spending
    END;
$$;

-- The limits that count a spending, and the start of the window that it belongs to.
CREATE OR REPLACE FUNCTION limits_counting(company text, spending spending)
RETURNS TABLE (which spend_limits, starts_at bigint)
LANGUAGE sql STABLE AS $$
    SELECT l, window_start(l.time_window, (spending).at)
    FROM spend_limits l
    WHERE l.company_id = company
      AND (l.channel IS NULL OR l.channel = (spending).channel)
      AND (l.country IS NULL OR l.country = (spending).country)
      AND (spending).at >= l.counts_from;
$$;

-- The limits that a spending would pass, the one with the longest window first, and what is spent of each. What gives
-- something back passes none, even where more is spent than the limit, since it was lowered.
CREATE OR REPLACE FUNCTION limits_passed(company text, spending spending)
RETURNS TABLE (which spend_limits, starts_at bigint, spent bigint)
LANGUAGE sql STABLE AS $$
    SELECT c.which, c.starts_at, coalesce(s.spent, 0)
    FROM limits_counting(company, spending) c
    LEFT JOIN spend_counters s
        ON s.company_id = company AND s.limit_id = (c.which).limit_id AND s.starts_at = c.starts_at
    WHERE (spending).delta > 0 AND coalesce(s.spent, 0) + (spending).delta > (c.which).amount
    ORDER BY (c.which).time_window DESC, (c.which).limit_id;
$$;

-- Add a spending to the counters of all limits that count it.
CREATE OR REPLACE FUNCTION count_spending(company text, spending spending)
RETURNS void
LANGUAGE sql VOLATILE AS $$
    INSERT INTO spend_counters AS s
    SELECT company, (c.which).limit_id, c.starts_at, (spending).delta FROM limits_counting(company, spending) c
    ON CONFLICT (company_id, limit_id, starts_at) DO UPDATE SET spent = s.spent + excluded.spent;
$$;
