-- Read a wallet and its journal in one moment.
--
-- KEYS  wallet, journal
-- ARGV  none
--
-- Reply warm (1 where the wallet was loaded into this run), epoch, seq, balance, held, floor, state (empty strings where
--       there is none), microseconds now, then the journal: idempotency key, entry, …

local run = string.sub(string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'), 1, 16)
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1e6 + tonumber(clock[2])
local fields = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'balance', 'held', 'floor', 'state', 'run')

local reply = { fields[1] and fields[7] == run and 1 or 0 }
for i = 1, 6 do
  reply[i + 1] = fields[i] or ''
end
reply[8] = string.format('%.0f', now)
for _, part in ipairs(redis.call('HGETALL', KEYS[2])) do
  reply[#reply + 1] = part
end
return reply
