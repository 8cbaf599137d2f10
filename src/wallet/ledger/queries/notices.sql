-- put --
-- Nothing is returned where the cause was told before.
WITH event AS (
    INSERT INTO events (company_id, cause, type, data) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING RETURNING company_id
)
SELECT display_name, billing_email FROM companies JOIN event USING (company_id)
