-- Write a wallet as the ledger has it. Authorizations may come in several calls; the wallet comes with the last one.
--
-- KEYS  wallet, then an authorization each
-- ARGV  epoch, 1 where the wallet itself is written, balance, held, floor, state, microseconds of the last change
--       per authorization: held, captured, expires at in microseconds, ttl in s
--
-- Reply 1 where it was written, 0 where a wallet of this epoch or a newer one stands, loaded into this run.
--
-- Nothing is written over a newer load: a loader that was held up does no harm.

local HOLD_KEEP_US = 86400e6

local run = string.sub(string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'), 1, 16)
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1e6 + tonumber(clock[2])
local epoch, write_wallet = ARGV[1], ARGV[2] == '1'

local stored = redis.call('HMGET', KEYS[1], 'epoch', 'run')
if stored[1] and stored[2] == run and tonumber(stored[1]) >= tonumber(epoch) then
  return 0
end

for i = 2, #KEYS do
  local at = 8 + (i - 2) * 4
  local held, captured, expires_at, ttl = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  redis.call('SET', KEYS[i], table.concat({ epoch, held, captured, expires_at, ttl }, ':'),
    'PXAT', string.format('%.0f', math.floor((math.max(tonumber(expires_at), now) + HOLD_KEEP_US) / 1000)))
end

if write_wallet then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'epoch', epoch, 'seq', '0', 'balance', ARGV[3], 'held', ARGV[4], 'floor', ARGV[5],
    'state', ARGV[6], 'at', ARGV[7], 'run', run)
end
return 1
