-- first_number --
-- The number of a company's first entry from $2 on, or one more than the last. Time never goes back from one number to the
-- next, so this is a binary search: at most 63 reads by the primary key.
WITH RECURSIVE search AS (
    SELECT 1::bigint AS low, last_number + 1 AS high FROM wallets WHERE company_id = $1
    UNION ALL
    SELECT CASE WHEN middle.at < $2 THEN middle.number + 1 ELSE low END,
           CASE WHEN middle.at < $2 THEN high ELSE middle.number END
    FROM search, LATERAL (
        SELECT number, created_at AS at FROM entries
        WHERE company_id = $1 AND number = low + (high - low) / 2) middle
    WHERE low < high
)
SELECT low FROM search WHERE low = high
