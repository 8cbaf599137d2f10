-- wallet --
SELECT * FROM wallets WHERE company_id = $1

-- entry --
SELECT entries.*, currency FROM entries JOIN wallets USING (company_id) WHERE company_id = $1 AND number = $2

-- entries --
-- Newest first, below number $2.
SELECT entries.*, currency FROM entries JOIN wallets USING (company_id)
WHERE company_id = $1 AND number < $2
ORDER BY number DESC LIMIT $3

-- key_recorded --
SELECT true FROM entries WHERE company_id = $1 AND idempotency_key = $2

-- authorization --
SELECT authorizations.*, currency FROM authorizations JOIN wallets USING (company_id)
WHERE company_id = $1 AND authorization_id = $2
