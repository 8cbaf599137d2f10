-- due --
-- Up to $1 open authorizations that have expired, after the position ($2, $3, $4) in their order.
SELECT expires_at, company_id, authorization_id FROM authorizations
WHERE state = AuthorizationState.OPEN AND expires_at <= extract(epoch FROM clock_timestamp()) * 1000000
  AND (expires_at, company_id, authorization_id) > ($2, $3, $4)
ORDER BY expires_at, company_id, authorization_id LIMIT $1

-- open --
SELECT count(*) FROM authorizations WHERE state = AuthorizationState.OPEN
