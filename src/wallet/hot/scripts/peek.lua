-- Read a wallet and its journal entries at one moment.
--
-- KEYS  wallet, journal of its partition
-- ARGV  company
--
-- Reply warm (1 if the whole wallet was loaded into this run), epoch, seq, balance, held, floor, state (empty strings
--       if there is none), microseconds now, blocked, limits, counters (a list: field, amount spent, …), then the
--       company's journal entries

local run = string.sub(string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'), 1, 16)
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1e6 + tonumber(clock[2])
local fields = redis.call('HMGET', KEYS[1], 'epoch', 'seq', 'balance', 'held', 'floor', 'state', 'run', 'loading')

local reply = { fields[1] and fields[7] == run and not fields[8] and 1 or 0 }
for i = 1, 6 do
  reply[i + 1] = fields[i] or ''
end
reply[8] = string.format('%.0f', now)
local rules = redis.call('HMGET', KEYS[1], 'blocked', 'limits')
reply[9], reply[10], reply[11] = rules[1] or '', rules[2] or '', {}
if rules[2] then
  local all = redis.call('HGETALL', KEYS[1])
  for i = 1, #all, 2 do
    if string.sub(all[i], 1, 6) == 'spent ' then
      table.insert(reply[11], all[i])
      table.insert(reply[11], all[i + 1])
    end
  end
end

-- The journal is short: attempts of the cycles under way, and those of a process that crashed.
local journal, prefix = KEYS[2], ARGV[1] .. ' '
for _, field in ipairs(redis.call('HKEYS', journal)) do
  if string.sub(field, 1, #prefix) == prefix then
    reply[#reply + 1] = redis.call('HGET', journal, field)
  end
end
return reply
