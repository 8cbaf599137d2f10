-- lock_company --
-- Wait for a concurrent change of the company's profile.
SELECT FROM companies WHERE company_id = $1 FOR NO KEY UPDATE

-- lock_sellers --
-- The table is locked because it may have no row yet.
LOCK TABLE sellers IN SHARE ROW EXCLUSIVE MODE

-- get_seller --
SELECT * FROM sellers

-- upsert_seller --
INSERT INTO sellers (name, address_lines, tax_id, email, number_prefix, footer) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (singleton) DO UPDATE SET name = excluded.name, address_lines = excluded.address_lines, tax_id = excluded.tax_id,
    email = excluded.email, number_prefix = excluded.number_prefix, footer = excluded.footer, updated_at = now()

-- get_profile --
SELECT p.* FROM companies c LEFT JOIN billing_profiles p USING (company_id) WHERE c.company_id = $1

-- upsert_profile --
INSERT INTO billing_profiles
    (company_id, legal_name, address_lines, country, tax_id, treatment, rate_basis_points, tax_label, note)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (company_id) DO UPDATE SET legal_name = excluded.legal_name, address_lines = excluded.address_lines,
    country = excluded.country, tax_id = excluded.tax_id, treatment = excluded.treatment,
    rate_basis_points = excluded.rate_basis_points, tax_label = excluded.tax_label, note = excluded.note, updated_at = now()
