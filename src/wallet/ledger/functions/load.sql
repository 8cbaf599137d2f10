-- The epoch after `current`: one more, or the time in seconds where that is later.
--
-- A database that was restored to the past knows too low an epoch, and counting on from it would meet the ones that Redis
-- still has. The clock has gone on.
CREATE OR REPLACE FUNCTION wallet_next_epoch(current_epoch bigint)
RETURNS bigint
LANGUAGE sql VOLATILE AS $$
    SELECT greatest(current_epoch + 1, extract(epoch FROM clock_timestamp())::bigint);
$$;

-- Begin a new epoch of a wallet and return the wallet: whatever Redis loaded before is stale from here on.
--
-- above   the new epoch is greater than this one too (an epoch found in Redis after this database was restored).
CREATE OR REPLACE FUNCTION wallet_new_epoch(company text, above bigint)
RETURNS wallets
LANGUAGE sql VOLATILE AS $$
    UPDATE wallets SET epoch = wallet_next_epoch(greatest(epoch, above)), last_seq = 0
    WHERE company_id = company
    RETURNING *;
$$;
