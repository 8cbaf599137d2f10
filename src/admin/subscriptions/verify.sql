-- subscriptions --
-- Each period that is recorded as charged has exactly one entry, and no later period has one, except the next: it may be
-- charged and not recorded yet. If the subscription is canceled, that charge is refunded. It runs as
-- the checks of wallet/verification/ledger.sql.
WITH charges AS (
    SELECT company_id, split_part(idempotency_key, ':', 2) AS subscription_id, number, kind, amount,
           split_part(idempotency_key, ':', 3)::numeric AS period
    FROM entries
    WHERE idempotency_key ~ '^~sub:[a-z0-9_-]+:[0-9]+$'
      AND company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
), range AS (
    SELECT * FROM subscriptions WHERE company_id > $1 AND ($2::text IS NULL OR company_id <= $2)
), sums AS (
    SELECT c.company_id, c.subscription_id, count(*) FILTER (WHERE c.period BETWEEN 1 AND s.charged) AS recorded,
           count(*) FILTER (WHERE c.kind <> Kind.CHARGE OR c.period = 0 OR c.period > s.charged + 1) AS wrong,
           max(c.number) FILTER (WHERE c.period = s.charged) AS last_number,
           max(c.number) FILTER (WHERE c.period = s.charged + 1) AS next_number,
           coalesce(sum(c.amount) FILTER (WHERE c.period = s.charged + 1), 0) AS next_amount
    FROM charges c LEFT JOIN range s USING (company_id, subscription_id)
    GROUP BY c.company_id, c.subscription_id
)
SELECT company_id, coalesce(s.serial, 0) AS place,
       format('subscription %s says that %s periods are charged, the last by transaction %s; there are %s of these, the '
              'last is transaction %s, %s that should not be, and %s of the next', subscription_id,
              coalesce(s.charged::text, 'no'), coalesce(s.last_number::text, 'none'), coalesce(recorded, 0),
              coalesce(sums.last_number::text, 'none'), coalesce(wrong, 0), coalesce(next_number::text, 'none')) AS detail
FROM range s FULL JOIN sums USING (company_id, subscription_id)
LEFT JOIN wallets w USING (company_id)
WHERE s.charged IS NULL
   OR s.charged <> coalesce(recorded, 0)
   OR coalesce(wrong, 0) > 0
   OR s.last_number IS DISTINCT FROM sums.last_number
   OR (s.state = SubscriptionState.CANCELED AND s.due_at IS NULL AND w.state <> WalletState.CLOSED
       AND next_amount + (
        SELECT coalesce(sum(amount), 0) FROM entries r
        WHERE r.company_id = s.company_id AND r.refunded_number = next_number) <> 0)
