-- get --
SELECT customer FROM payment_customers WHERE company_id = $1

-- add --
-- The first customer of a company stays.
INSERT INTO payment_customers (company_id, customer) VALUES ($1, $2)
ON CONFLICT (company_id) DO UPDATE SET customer = payment_customers.customer RETURNING customer
