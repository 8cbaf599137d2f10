-- The epoch after `current`: one more, or the time in seconds where that is later.
--
-- A database that was restored to the past knows too low an epoch, and counting on from it would meet the ones that Redis
-- still has. The clock has gone on.
CREATE OR REPLACE FUNCTION wallet_next_epoch(current_epoch bigint)
RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    SELECT greatest(current_epoch + 1, extract(epoch FROM clock_timestamp())::bigint);
$$;

-- Begin a new epoch of a wallet, and return the wallet with its open authorizations: whatever Redis loaded before is stale
-- from here on. Nothing is returned where there is no such wallet.
--
-- above   the new epoch is greater than this one too (an epoch found in Redis after this database was restored).
--
-- Two statements, and the second sees what was committed while the first waited for the wallet's row.
DROP FUNCTION IF EXISTS wallet_new_epoch(text, bigint);
CREATE FUNCTION wallet_new_epoch(company text, above bigint)
RETURNS TABLE (wallet wallets, holds authorizations[])
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    UPDATE wallets SET epoch = wallet_next_epoch(greatest(epoch, above)), last_seq = 0
    WHERE company_id = company
    RETURNING * INTO wallet;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    holds := ARRAY(SELECT a FROM authorizations a WHERE a.company_id = company AND a.state = 1);
    RETURN NEXT;
END
$$;
