-- wallet --
SELECT currency, last_number FROM wallets WHERE company_id = $1

-- balance_after --
SELECT balance_after FROM entries WHERE company_id = $1 AND number = $2

-- matching --
-- The entries from number $2 to $3 that match every condition that is not NULL.
SELECT * FROM entries
WHERE company_id = $1 AND number BETWEEN $2 AND $3
  AND ($4::smallint[] IS NULL OR kind = ANY ($4))
  AND ($5::smallint IS NULL OR channel = $5)
  AND ($6::text IS NULL OR country = $6)
  AND ($7::text IS NULL OR campaign_id = $7)
  AND ($8::text IS NULL OR contact_id = $8)
  AND ($9::bigint IS NULL OR abs(amount) >= $9)
  AND ($10::bigint IS NULL OR abs(amount) <= $10)
  AND ($11::text IS NULL OR reference = $11)
