-- Read a partition's journal: all attempts that are not settled.
--
-- KEYS  journal
-- ARGV  none
--
-- Reply microseconds now, then the entries

local clock = redis.call('TIME')
local reply = redis.call('HVALS', KEYS[1])
table.insert(reply, 1, string.format('%.0f', tonumber(clock[1]) * 1e6 + tonumber(clock[2])))
return reply
