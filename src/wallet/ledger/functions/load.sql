-- The epoch after `current`: one more, or the time in seconds if that is later.
--
-- A database that was restored to the past has too low an epoch: the next epochs would repeat those that Redis still has.
-- The clock does not repeat.
CREATE OR REPLACE FUNCTION wallet_next_epoch(current_epoch bigint)
RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    SELECT greatest(current_epoch + 1, extract(epoch FROM clock_timestamp())::bigint);
$$;

-- Begin a new epoch of a wallet, and return the wallet with its open authorizations, its spend limits and their counters,
-- and the threshold below which its automatic top-up needs a signal (NULL: none), whether it is paused or not. Every
-- earlier load in Redis is stale from then on. No row is returned if there is no such wallet.
--
-- above   the new epoch is greater than this one too (an epoch found in Redis after this database was restored).
--
-- The first statement locks the wallet's row; the later ones see everything that was committed while it waited. Counters
-- are returned for the current windows and for those of open authorizations. Redis's clock decides which window is the
-- current one, so the counters of the last five minutes are returned as well.
DROP FUNCTION IF EXISTS wallet_new_epoch(text, bigint);
CREATE FUNCTION wallet_new_epoch(company text, above bigint)
RETURNS TABLE (wallet wallets, holds authorizations[], limits spend_limits[], counters spend_counters[],
    signal_at bigint)
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE wallets SET epoch = wallet_next_epoch(greatest(epoch, above)), last_seq = 0
    WHERE company_id = company
    RETURNING * INTO wallet;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    holds := ARRAY(SELECT a FROM authorizations a WHERE a.company_id = company AND a.state = AuthorizationState.OPEN);
    signal_at := (SELECT threshold FROM auto_top_ups a WHERE a.company_id = company);
    IF wallet.limited THEN
        limits := ARRAY(SELECT l FROM spend_limits l WHERE l.company_id = company ORDER BY limit_id);
        counters := ARRAY(
            SELECT s FROM (
                SELECT l.limit_id, window_start(l.time_window, greatest(a.created_at, l.counts_from)) AS starts_at
                FROM unnest(limits) l CROSS JOIN unnest(holds) a
                UNION
                SELECT s.limit_id, s.starts_at
                FROM unnest(limits) l
                JOIN spend_counters s ON s.company_id = company AND s.limit_id = l.limit_id
                    AND s.starts_at >= window_start(l.time_window, least(
                        wallet.last_at, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 300000000))
            ) wanted
            JOIN spend_counters s
                ON s.company_id = company AND s.limit_id = wanted.limit_id AND s.starts_at = wanted.starts_at);
    END IF;
    RETURN NEXT;
END
$$;
