-- change --
-- The number of the last change of rate cards, rates or companies' cards.
SELECT change FROM pricing

-- cards_changed --
-- Cards that changed after change $1.
SELECT card_id, currency, coalesce(parent_id, '') AS parent, display_name, version, rate_count,
    created_at, updated_at
FROM rate_cards WHERE change > $1

-- rates_of --
-- All rates of cards, a card's together.
SELECT card_id, channel, variant, destination, unit_price, connect_fee, minimum_quantity, first_increment,
    next_increment, effective_at, expires_at, description
FROM rates WHERE card_id = ANY($1) ORDER BY card_id, channel, variant, destination, effective_at

-- companies_changed --
-- Companies whose card changed after change $1; the second condition lets the partial index be used.
SELECT company_id, rate_card FROM companies WHERE pricing_change > $1 AND pricing_change > 0
