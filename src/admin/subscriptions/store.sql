-- now --
SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint

-- wallet --
SELECT currency, state FROM wallets WHERE company_id = $1

-- insert --
-- No row is returned if the id is taken.
INSERT INTO subscriptions (company_id, subscription_id, fingerprint, state, display_name, channel, variant, number,
    country, quantity, campaign_id, contact_id, amount, grace_seconds, period_unit, period_count, anchor_day, origin_at,
    starts_at, at_once, due_at)
VALUES ($1, $2, $3, SubscriptionState.PENDING, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $17, $18,
    $19)
ON CONFLICT DO NOTHING RETURNING true

-- get --
SELECT s.*, w.currency FROM subscriptions s JOIN wallets w USING (company_id)
WHERE s.company_id = $1 AND s.subscription_id = $2

-- list --
-- Up to $4 subscriptions, oldest first, with serials above $3: of company $1, in state $2 (NULL: any).
SELECT s.*, w.currency FROM subscriptions s JOIN wallets w USING (company_id)
WHERE s.serial > $3 AND ($1::text IS NULL OR s.company_id = $1) AND ($2::smallint IS NULL OR s.state = $2)
ORDER BY s.serial LIMIT $4

-- due --
-- Up to $4 subscriptions that are due at $1, after the position ($2, $3) in their order.
SELECT s.*, w.currency FROM subscriptions s JOIN wallets w USING (company_id)
WHERE s.due_at <= $1 AND (s.due_at, s.serial) > ($2, $3) ORDER BY s.due_at, s.serial LIMIT $4

-- save --
-- Save all fields that may change, if the version is $3; no row is returned if it is another one.
UPDATE subscriptions SET version = version + 1, updated_at = clock_timestamp(), state = $4, display_name = $5, channel = $6,
    variant = $7, number = $8, country = $9, quantity = $10, campaign_id = $11, contact_id = $12, amount = $13,
    grace_seconds = $14, anchor_day = $15, origin_at = $16, first_period = $17, charged = $18, period_starts_at = $19,
    period_ends_at = $20, last_number = $21, due_at = $22, past_due_at = $23, declines = $24, declined = $25,
    resumed_at = $26, cancel_at_period_end = $27, canceled_at = $28, starts_at = $29
WHERE company_id = $1 AND subscription_id = $2 AND version = $3
RETURNING version
