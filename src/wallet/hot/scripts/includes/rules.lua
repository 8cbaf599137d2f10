-- Blocks and spend limits, for the wallets that have them. The ledger counts the same in functions/limits.sql.
--
-- A wallet's field `limits` is "id window channel country amount counts-from;…" with - for any channel or country; a
-- counter is the field "spent <id> <start of its window>". A window that begins counts from 0. A counter of an older
-- window that is missing makes the wallet cold: a load adds those that its open authorizations need.

local BEGINS = { CHARGE = true, AUTHORIZE = true, INCREMENT = true, UNPRICED = true }

local HOUR, DAY = '1', '2' -- Windows, as wallet.domain.limits.Window; the third is the month.
local HOUR_US, DAY_US = 3600e6, 86400e6
local NO_USAGE = '0' -- As wallet.hot.fields writes the usage of a command without one.

local function month_start(at)
  -- The civil calendar from days, in eras of 400 years that begin with a March.
  local days = math.floor(at / DAY_US)
  local of_era = (days + 719468) % 146097
  local year = math.floor((of_era - math.floor(of_era / 1460) + math.floor(of_era / 36524)
    - math.floor(of_era / 146096)) / 365)
  local of_year = of_era - (365 * year + math.floor(year / 4) - math.floor(year / 100))
  local month = math.floor((5 * of_year + 2) / 153)
  return (days - (of_year - math.floor((153 * month + 2) / 5))) * DAY_US
end

local function window_start(window, at)
  if window == HOUR then
    return at - at % HOUR_US
  elseif window == DAY then
    return at - at % DAY_US
  end
  return month_start(at)
end

local function limits_of(wallet)
  if not wallet.limit_list then
    wallet.limit_list, wallet.counters = {}, {}
    for id, window, channel, country, amount, from in
      string.gmatch(wallet.limits, '(%S+) (%d) (%S+) (%S+) (%d+) (%d+);') do
      table.insert(wallet.limit_list, { id = id, window = window, channel = channel ~= '-' and channel,
        country = country ~= '-' and country, amount = tonumber(amount), from = tonumber(from) })
    end
  end
  return wallet.limit_list
end

-- Counters of windows before the last one are deleted when the next one begins: if one is needed again, it is loaded.
local function forget_old_counters(wallet, limit, start)
  local prefix, kept_from = 'spent ' .. limit.id .. ' ', window_start(limit.window, start - 1)
  for _, field in ipairs(call('HKEYS', wallet.key)) do
    if sub(field, 1, #prefix) == prefix and tonumber(sub(field, #prefix + 1)) < kept_from then
      call('HDEL', wallet.key, field)
    end
  end
end

-- The counter of a limit's window; nil if only the ledger has it.
local function counter_of(wallet, limit, at)
  local start = window_start(limit.window, at)
  local field = 'spent ' .. limit.id .. ' ' .. integer(start)
  local counter = wallet.counters[field]
  if not counter then
    local spent = call('HGET', wallet.key, field)
    if not spent then
      if start < window_start(limit.window, wallet.at) then
        return nil
      end
      forget_old_counters(wallet, limit, start)
    end
    counter = { field = field, spent = tonumber(spent or '0'), amount = limit.amount, changed = false }
    wallet.counters[field] = counter
  end
  return counter
end

local function counts(limit, usage)
  return (not limit.channel or limit.channel == usage.channel) and (not limit.country or limit.country == usage.country)
end

local function usage_of(word)
  local channel, country = string.match(word, '^(%d+)(%u*)$')
  return { channel = channel, country = country }
end

-- The spending of a command: the hold counts as the authorization's usage, the amount taken as the command's own if it has
-- one. Both count at one time: when the authorization was opened, or the wallet's time without one.
local function spending_of(wallet, c, hold, amount, held_delta)
  local held_as = hold and usage_of(hold.usage)
  local own = c.usage and c.usage ~= NO_USAGE and usage_of(c.usage)
  return { at = hold and hold.created_at or wallet.at, held_as = held_as, held = held_delta,
    taken_as = own or held_as or usage_of(NO_USAGE), taken = 0 - amount }
end

-- The amounts that a spending adds to the counters of the limits that count it: counter, amount, counter, amount, …; nil
-- if a counter is missing.
local function additions_of(wallet, spending)
  local additions = {}
  for _, limit in ipairs(limits_of(wallet)) do
    local delta = spending.held_as and counts(limit, spending.held_as) and spending.held or 0
    if counts(limit, spending.taken_as) then
      delta = delta + spending.taken
    end
    if delta ~= 0 then
      local counter = counter_of(wallet, limit, math.max(spending.at, limit.from))
      if not counter then
        return nil
      end
      additions[#additions + 1] = counter
      additions[#additions + 1] = delta
    end
  end
  return additions
end

local function passes_limit(additions)
  for i = 1, #additions, 2 do
    if additions[i + 1] > 0 and additions[i].spent + additions[i + 1] > additions[i].amount then
      return true
    end
  end
  return false
end

local function count_spending(additions, sign)
  for i = 1, #additions, 2 do
    additions[i].spent = additions[i].spent + sign * additions[i + 1]
    additions[i].changed = true
  end
end

local function write_counters(wallet)
  for field, counter in pairs(wallet.counters or {}) do
    if counter.changed then
      call('HSET', wallet.key, field, integer(counter.spent))
    end
  end
end

local function is_blocked(wallet, usage)
  local words = ' ' .. wallet.blocked .. ' '
  return string.find(words, ' ' .. usage.channel .. ' ', 1, true)
    or (usage.country ~= '' and string.find(words, ' ' .. usage.country .. ' ', 1, true))
end

-- The usage that a command begins, which may be blocked; nil for a command that only ends an authorization.
local function begun_usage(c, hold)
  if c.op == 'INCREMENT' then
    return usage_of(hold.usage)
  elseif BEGINS[c.op] or (hold and c.usage and c.usage ~= NO_USAGE and c.usage ~= hold.usage) then
    return usage_of(c.usage)
  end
  return nil
end
