-- get_card --
SELECT card_id, currency, coalesce(parent_id, '') AS parent, display_name, version, rate_count,
    created_at, updated_at
FROM rate_cards WHERE card_id = $1

-- list_cards --
-- By id, after $1.
SELECT card_id, currency, coalesce(parent_id, '') AS parent, display_name, version, rate_count,
    created_at, updated_at
FROM rate_cards WHERE card_id > $1
ORDER BY card_id LIMIT $2

-- lock_card --
-- Exclude other changes of the card until the transaction ends. NO KEY: companies and child cards may refer to it meanwhile.
SELECT card_id, currency, coalesce(parent_id, '') AS parent, display_name, version, rate_count,
    created_at, updated_at
FROM rate_cards WHERE card_id = $1 FOR NO KEY UPDATE

-- insert_card --
-- `count_change` sets its change number. Nothing is returned if the id is taken.
INSERT INTO rate_cards (card_id, currency, parent_id, display_name, change) VALUES ($1, $2, $3, $4, 0)
ON CONFLICT DO NOTHING RETURNING card_id

-- card_currency --
SELECT currency FROM rate_cards WHERE card_id = $1

-- change_card --
-- $2 is the new name (NULL: unchanged), $3 the parent from now on (NULL: none).
UPDATE rate_cards SET display_name = coalesce($2, display_name), parent_id = $3 WHERE card_id = $1

-- count_change --
-- Last in its transaction, except for `ancestors` and `levels_below`: see pricing_change. $2 is added to the version.
UPDATE rate_cards SET version = version + $2, rate_count = $3, updated_at = now(), change = pricing_change()
WHERE card_id = $1

-- ancestors --
-- The parent, its parent and so on, up to $2 of them, since a cycle has no end.
WITH RECURSIVE above AS (
    SELECT parent_id, 1 AS level FROM rate_cards WHERE card_id = $1
    UNION ALL
    SELECT c.parent_id, level + 1 FROM above JOIN rate_cards c ON c.card_id = above.parent_id WHERE level < $2
)
SELECT parent_id AS card_id FROM above WHERE parent_id IS NOT NULL ORDER BY level

-- levels_below --
-- The number of levels of children, up to $2.
WITH RECURSIVE below AS (
    SELECT $1::text AS card_id, 0 AS level
    UNION ALL
    SELECT c.card_id, level + 1 FROM below JOIN rate_cards c ON c.parent_id = below.card_id WHERE level < $2
)
SELECT max(level) FROM below

-- rates --
-- The rates of a card, in the order of exports.
SELECT channel, variant, destination, unit_price, connect_fee, minimum_quantity, first_increment, next_increment,
    effective_at, expires_at, description
FROM rates WHERE card_id = $1 AND ($2::smallint IS NULL OR channel = $2)
ORDER BY channel, variant, destination, effective_at

-- list_rates --
-- Rates of a card after ($2, $3, $4, $5), of channel $6 (NULL: all), with destinations that begin with $7.
SELECT channel, variant, destination, unit_price, connect_fee, minimum_quantity, first_increment, next_increment,
    effective_at, expires_at, description
FROM rates
WHERE card_id = $1 AND (channel, variant, destination, effective_at) > ($2::smallint, $3, $4, $5::bigint)
    AND ($6::smallint IS NULL OR channel = $6) AND starts_with(destination, $7)
ORDER BY channel, variant, destination, effective_at LIMIT $8

-- delete_rates --
DELETE FROM rates
USING unnest($2::smallint[], $3::text[], $4::text[], $5::bigint[]) AS deleted (channel, variant, destination, effective_at)
WHERE rates.card_id = $1 AND rates.channel = deleted.channel AND rates.variant = deleted.variant
    AND rates.destination = deleted.destination AND rates.effective_at = deleted.effective_at
