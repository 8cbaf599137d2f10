-- Blocks and spend limits, for the wallets that have them. The ledger counts the same in functions/limits.sql: charges and
-- late captures when they are made, what is done to an authorization in the window in which it was opened.
--
-- A wallet's field `limits` is "id window channel country amount counts-from;…" with - for any channel or country; a
-- counter is the field "spent <id> <start of its window>". One that is missing counts from 0: should that be too little,
-- the ledger refuses what Redis lets pass, and the wallet is loaded anew, with its counters.

local HOUR_US, DAY_US = 3600e6, 86400e6
local COUNTER_KEEP_US = 62 * DAY_US -- Longer than a month, and than authorizations live that nobody increments.

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
  if window == '1' then
    return at - at % HOUR_US
  elseif window == '2' then
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

local function forget_old_counters(wallet, limit, at)
  local prefix = 'spent ' .. limit.id .. ' '
  for _, field in ipairs(call('HKEYS', wallet.key)) do
    if sub(field, 1, #prefix) == prefix and tonumber(sub(field, #prefix + 1)) < at - COUNTER_KEEP_US then
      call('HDEL', wallet.key, field)
    end
  end
end

local function counter_of(wallet, limit, at)
  local field = 'spent ' .. limit.id .. ' ' .. integer(window_start(limit.window, at))
  local counter = wallet.counters[field]
  if not counter then
    local spent = call('HGET', wallet.key, field)
    if not spent then
      forget_old_counters(wallet, limit, at)
    end
    counter = { field = field, spent = tonumber(spent or '0'), amount = limit.amount, changed = false }
    wallet.counters[field] = counter
  end
  return counter
end

-- The counters that a spending belongs to. `spent` has when it is, and its channel and country.
local function counters_of(wallet, spent)
  local found = {}
  for _, limit in ipairs(limits_of(wallet)) do
    if spent.at >= limit.from and (not limit.channel or limit.channel == spent.channel)
      and (not limit.country or limit.country == spent.country) then
      table.insert(found, counter_of(wallet, limit, spent.at))
    end
  end
  return found
end

local function passes_limit(wallet, spent, delta)
  for _, counter in ipairs(counters_of(wallet, spent)) do
    if counter.spent + delta > counter.amount then
      return true
    end
  end
  return false
end

local function count_spending(wallet, spent, delta)
  for _, counter in ipairs(counters_of(wallet, spent)) do
    counter.spent = counter.spent + delta
    counter.changed = true
  end
end

local function write_counters(wallet)
  for field, counter in pairs(wallet.counters or {}) do
    if counter.changed then
      call('HSET', wallet.key, field, integer(counter.spent))
    end
  end
end

local function is_blocked(wallet, spent)
  local words = ' ' .. wallet.blocked .. ' '
  return string.find(words, ' ' .. spent.channel .. ' ', 1, true)
    or (spent.country ~= '' and string.find(words, ' ' .. spent.country .. ' ', 1, true))
end

-- When a command counts, and as usage of which channel and country: the hold's where it has one.
local function spent_by(wallet, c, hold)
  local channel, country = string.match(hold and hold.usage or c.usage, '^(%d+)(%u*)$')
  return { at = hold and hold.created_at or wallet.at, channel = channel, country = country }
end
