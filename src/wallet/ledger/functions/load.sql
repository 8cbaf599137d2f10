-- Begin a new epoch of a wallet and return the wallet: whatever Redis loaded before is stale from here on.
--
-- above   the new epoch is greater than this one too (an epoch found in Redis after this database was restored).
CREATE OR REPLACE FUNCTION wallet_new_epoch(company text, above bigint)
RETURNS wallets
LANGUAGE sql VOLATILE AS $$
    UPDATE wallets SET epoch = greatest(epoch, above) + 1, last_seq = 0
    WHERE company_id = company
    RETURNING *;
$$;
