-- Write a wallet as the ledger has it. Authorizations may come in several calls; the wallet comes with the last one.
--
-- KEYS  wallet, the signals of its partition (see apply.lua), then its authorizations
-- ARGV  epoch, 1 in the first call of a load, 1 in the last, balance, held, floor, state, microseconds of the last change,
--       the blocks and the spend limits in the format of includes/rules.lua (empty if there are none), signal_at (empty if
--       there is none), company, number of counters, then per counter: its field, the amount spent
--       per authorization: held, captured, expires at in microseconds, ttl in s, created at in microseconds, its usage in
--       the format of apply.lua
--
-- Reply 1 if it was written, 0 if there is a newer load; microseconds now
--
-- A newer load is never overwritten, so a delayed loader does no harm. The first of several calls replaces the wallet by
-- a marker, which is cold, and the later calls write only if they find it: a wallet has all of its authorizations or does
-- not exist, and the wallet that is being replaced answers no commands meanwhile.

local HOLD_KEEP_US = 86400e6

local run = string.sub(string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'), 1, 16)
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1e6 + tonumber(clock[2])
local now_text = string.format('%.0f', now)
local epoch, first, last = ARGV[1], ARGV[2] == '1', ARGV[3] == '1'

local stored = redis.call('HMGET', KEYS[1], 'epoch', 'run', 'loading')
local of_run = stored[1] and stored[2] == run
if first then
  if of_run and tonumber(stored[1]) >= tonumber(epoch) then
    return { 0, now_text }
  end
elseif not (of_run and stored[1] == epoch and stored[3]) then
  return { 0, now_text }
end

local balance, held, floor = ARGV[4], ARGV[5], ARGV[6]
local blocked, limits, signal_at, company, counters = ARGV[9], ARGV[10], ARGV[11], ARGV[12], tonumber(ARGV[13])
local FIRST_COUNTER, HOLD_ARGUMENTS, FIRST_HOLD_KEY = 14, 6, 3
for i = FIRST_HOLD_KEY, #KEYS do
  local at = FIRST_COUNTER + counters * 2 + (i - FIRST_HOLD_KEY) * HOLD_ARGUMENTS
  local hold = { epoch, unpack(ARGV, at, at + HOLD_ARGUMENTS - 1) }
  local expires_at = hold[4]
  redis.call('SET', KEYS[i], table.concat(hold, ':'),
    'PXAT', string.format('%.0f', math.floor((math.max(tonumber(expires_at), now) + HOLD_KEEP_US) / 1000)))
end

redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'epoch', epoch, 'seq', '0', 'balance', balance, 'held', held, 'floor', floor,
  'state', ARGV[7], 'at', ARGV[8], 'run', run, 'loaded', now_text)
if blocked ~= '' then
  redis.call('HSET', KEYS[1], 'blocked', blocked)
end
if limits ~= '' then
  redis.call('HSET', KEYS[1], 'limits', limits)
end
for at = FIRST_COUNTER, FIRST_COUNTER + counters * 2 - 1, 2 do
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
end
if not last then
  redis.call('HSET', KEYS[1], 'loading', '1')
end
-- An available amount that fell below signal_at while the wallet was cold crosses it no more, so it is signalled here.
if signal_at ~= '' then
  redis.call('HSET', KEYS[1], 'signal_at', signal_at)
  if tonumber(balance) - tonumber(held) - tonumber(floor) < tonumber(signal_at) then
    redis.call('SADD', KEYS[2], company)
  end
end
return { 1, now_text }
