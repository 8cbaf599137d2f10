-- insert --
-- Return the company's names, for the mail; no row if its cause has an event already. The event waits if the company has
-- a webhook for its type; else it is only kept.
WITH event AS (
    INSERT INTO events (company_id, cause, type, data, delivery)
    SELECT $1, $2, $3, $4, CASE WHEN EXISTS (
        SELECT FROM webhooks WHERE company_id = $1 AND (event_types = '{}' OR $3 = ANY (event_types))
    ) THEN Delivery.WAITING ELSE Delivery.NONE END
    ON CONFLICT DO NOTHING RETURNING company_id
)
SELECT display_name, billing_email FROM companies JOIN event USING (company_id)
