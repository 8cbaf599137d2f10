-- insert_company --
-- Nothing is returned if the id is taken.
INSERT INTO companies (company_id, display_name, billing_email) VALUES ($1, $2, $3)
ON CONFLICT DO NOTHING RETURNING company_id

-- insert_wallet --
INSERT INTO wallets (company_id, currency, floor, blocked) VALUES ($1, $2, $3, $4)

-- get --
SELECT company_id, display_name, currency, billing_email, floor, state, blocked, rate_card,
    created_at, updated_at
FROM companies JOIN wallets USING (company_id)
WHERE company_id = $1

-- list --
-- By id, after $1.
SELECT company_id, display_name, currency, billing_email, floor, state, blocked, rate_card,
    created_at, updated_at
FROM companies JOIN wallets USING (company_id)
WHERE company_id > $1
ORDER BY company_id LIMIT $2

-- lock_wallet --
-- Appends to the wallet wait, so that the settings change between two entries.
SELECT * FROM wallets WHERE company_id = $1 FOR UPDATE

-- has_authorization --
-- An open authorization must be ended even if it holds nothing any more.
SELECT EXISTS (SELECT FROM authorizations WHERE company_id = $1 AND state = AuthorizationState.OPEN)

-- change_profile --
UPDATE companies SET display_name = coalesce($2, display_name), billing_email = coalesce($3, billing_email),
    updated_at = now()
WHERE company_id = $1

-- change_settings --
-- The settings change together with the epoch, so that the copy in Redis is stale from now on.
UPDATE wallets SET floor = coalesce($2, floor), state = coalesce($3, state), blocked = coalesce($4, blocked),
    epoch = wallet_next_epoch(epoch), last_seq = 0
WHERE company_id = $1

-- card_currency --
-- It never changes, and no card is ever deleted.
SELECT currency FROM rate_cards WHERE card_id = $1

-- change_card --
-- Last in its transaction: see pricing_change. $2 is NULL for none. An unchanged card is no change.
UPDATE companies SET rate_card = $2, pricing_change = pricing_change(), updated_at = now()
WHERE company_id = $1 AND rate_card IS DISTINCT FROM $2
