-- Clean up after judged attempts, then apply commands to their wallets. One call per partition and cycle.
--
-- KEYS  journal                                  hash: the partition's entries that are not settled
--       signals                                  set: companies whose available amount fell below their signal_at
--       per clean-up:  wallet, key record
--       per company:   wallet
--         per command: key record, and the authorization if the operation has one
--
-- ARGV  key TTL in ms, sent at and not after (microseconds on this server's clock, 0 if it is not known), number of
--       settled attempts, number of clean-ups, number of companies
--       per settled attempt: its field in the journal, "company epoch:seq"
--                The entry is committed and leaves the journal. Its key record stays until its TTL.
--       per clean-up:  action, company, attempt, amount, held delta, microseconds when it was applied, its usage (as below;
--                      empty if it did not count as spending)
--         DISCARD  the attempt will never be an entry: it leaves the journal, with its key record
--         UNDO     DISCARD, and revert its change
--         DROP     DISCARD, and delete the wallet
--         FORGET   delete the wallet of the attempt's epoch, and keep the key record
--       per company:   company, seen epoch, seen seq, number of commands
--         per command: operation, fingerprint, amount, bytes for the journal
--         MOVE         add the amount                 MOVE_CHECKED  the same, not below the floor
--         CHARGE       MOVE_CHECKED, refused while suspended or blocked, and counted by spend limits. One more argument:
--                      the usage, its channel and country as in "1DE", 0 for none
--         CAPTURE_LATE MOVE_CHECKED, counted by spend limits; with the usage
--         UNPRICED     look the key up, and apply nothing; with the usage
--         UNPRICED_CAPTURE  the same; as a capture, it is not refused while suspended or blocked
--         UNOPENED     the same for a command on a hold that is not in the ledger: late if it is in Redis
--         AUTHORIZE    open a hold; with the usage, and its ttl in s
--         INCREMENT    change a hold's total
--         CAPTURE      take from a hold and close it  CAPTURE_ON    take from a hold and keep it open; both with the
--                      usage, if it has one of its own
--         VOID         give a hold back               EXPIRE        the same, if it has expired
--
-- Reply microseconds now, then a string per command, in order:
--       A:epoch:seq:amount:held delta:microseconds   applied, and in the journal
--       P:journal entry                              the same request was applied before and is not settled
--       K:attempt                                    the same request was applied before and is settled
--       R:journal entry, or R:attempt if settled     another request has the key
--       C                                            cold: no wallet, or one that must not be trusted
--       L                                            late: past "not after", or sent before the key's last decline or
--                                                    the wallet's load, or the hold is in Redis and not in the ledger yet
--       D:rule:epoch:seq:amount:held delta:microseconds   declined: FUNDS, SPEND, LIMIT, HOLD, EARLY, UNPRICED, BLOCKED,
--                                                    SUSPENDED, CLOSED
--
-- A command that lowers the available amount (balance - held - floor) from the wallet's `signal_at` or above to below it
-- adds the company to the set of signals. A signal is a hint for the automatic top-up, which reads the ledger: it may be
-- for an entry that the ledger refuses, and it may get lost. Wallets without an automatic top-up have no such field.
--
-- An attempt's name (epoch:seq) is in its journal field and in its key record, so no clean-up meets another attempt.
-- The journal is written before the wallets: if a script ends half way, no money is taken without a journal entry.

local FINGERPRINT_BYTES = 12
local MICROS_MAX = 9e15
local ACTIVE, CLOSED = 1, 3 -- States of wallets, as wallet.domain.entries.WalletState.

-- Looked up once, since this runs for every message that is sent.
local call, format, sub, tonumber = redis.call, string.format, string.sub, tonumber
local KEYS, ARGV = KEYS, ARGV

local key_at, arg_at = 0, 0
local function next_key()
  key_at = key_at + 1
  return KEYS[key_at]
end
local function next_arg()
  arg_at = arg_at + 1
  return ARGV[arg_at]
end
local function next_number()
  return tonumber(next_arg())
end
local function integer(number)
  return number == 0 and '0' or format('%.0f', number)
end

-- The server itself reports its run id, so no client can use a stale one after a failover.
local run = sub(string.match(call('INFO', 'server'), 'run_id:(%x+)'), 1, 16)
local clock = call('TIME')
local now = tonumber(clock[1]) * 1e6 + tonumber(clock[2])
local now_text = integer(now)

-- include: rules

local journal, signals = next_key(), next_key()
local key_ttl = next_arg()
local sent_at, not_after = next_number(), next_number()
local settled = next_number()
local cleanups = next_number()
local companies = next_number()

local FIELDS_PER_CALL = 1000 -- Lua's stack bounds the arguments of one call.
for first = arg_at + 1, arg_at + settled, FIELDS_PER_CALL do
  call('HDEL', journal, unpack(ARGV, first, math.min(first + FIELDS_PER_CALL - 1, arg_at + settled)))
end
arg_at = arg_at + settled

local function field_of(company, attempt)
  return company .. ' ' .. attempt
end

local function clean(action, company, attempt, amount, held_delta, at, usage)
  local wallet, record = next_key(), next_key()
  local epoch = string.match(attempt, '^%d+')
  if action == 'FORGET' then
    if call('HGET', wallet, 'epoch') == epoch then
      call('DEL', wallet)
    end
    return
  end
  local known = call('GET', record)
  local recorded = known and sub(known, FINGERPRINT_BYTES + 1) == attempt
  if recorded then
    call('DEL', record)
  end
  local journaled = call('HDEL', journal, field_of(company, attempt)) == 1
  if not (recorded or journaled) or action == 'DISCARD' or call('HGET', wallet, 'epoch') ~= epoch then
    return
  end
  if action == 'DROP' then
    call('DEL', wallet)
  elseif journaled then
    local f = call('HMGET', wallet, 'balance', 'held', 'limits', 'at')
    if f[3] and usage ~= '' then
      local limited = { key = wallet, limits = f[3], at = tonumber(f[4]) }
      local additions = additions_of(limited, { at = at, taken_as = usage_of(usage), taken = 0 - amount })
      if not additions then
        call('DEL', wallet)
        return
      end
      count_spending(additions, -1)
      write_counters(limited)
    end
    call('HSET', wallet, 'balance', integer(tonumber(f[1]) - amount), 'held', integer(tonumber(f[2]) - held_delta))
  end
end

for _ = 1, cleanups do
  local action, company, attempt = next_arg(), next_arg(), next_arg()
  clean(action, company, attempt, next_number(), next_number(), next_number(), next_arg())
end

local function read_wallet(key, company)
  -- All of its fields are set here, since Lua reallocates a table that grows.
  local f = call('HMGET', key, 'epoch', 'seq', 'balance', 'held', 'floor', 'state', 'at', 'run', 'loading', 'loaded',
    'blocked', 'limits', 'signal_at')
  if not f[1] or f[8] ~= run or f[9] then
    return nil
  end
  local at = tonumber(f[7])
  return {
    epoch = tonumber(f[1]), prefix = f[1] .. ':', seq = tonumber(f[2]), balance = tonumber(f[3]), held = tonumber(f[4]),
    floor = tonumber(f[5]), state = tonumber(f[6]), at = at > now and at or now, at_text = at > now and f[7] or now_text,
    key = key, company = company, changed = false, seq_before = tonumber(f[2]), loaded = tonumber(f[10]) or 0,
    blocked = f[11], limits = f[12], limit_list = false, counters = false, dropped = false,
    signal_at = f[13] and tonumber(f[13]), signals = false,
  }
end

-- An open authorization of the wallet's own epoch; one of an earlier load counts as absent.
local function read_hold(key, epoch)
  local held_epoch, held, captured, expires_at, ttl, created_at, usage =
    string.match(call('GET', key) or '', '^(%d+):(%d+):(%d+):(%d+):(%d+):(%d+):(%d+%u*)$')
  if tonumber(held_epoch) ~= epoch then
    return nil
  end
  return { held = tonumber(held), captured = tonumber(captured), expires_at = tonumber(expires_at), ttl = tonumber(ttl),
    created_at = tonumber(created_at), usage = usage }
end

local HOLD_KEEP_US = 86400e6 -- A hold outlives its expiry by a day in memory; the ledger's sweep ends it before.
local function write_hold(key, epoch, hold)
  call('SET', key, table.concat({ integer(epoch), integer(hold.held), integer(hold.captured),
    integer(hold.expires_at), integer(hold.ttl), integer(hold.created_at), hold.usage }, ':'),
    'PXAT', integer(math.floor((math.max(hold.expires_at, now) + HOLD_KEEP_US) / 1000)))
end

-- The effect of a command on an authorization: amount, held delta and whether the hold stays; or nil and the rule that
-- forbids it. `hold` is changed to its new state.
local function on_hold(op, wallet, hold, amount)
  if not hold then
    return nil, 'HOLD'
  end
  local before = hold.held
  if op == 'INCREMENT' then
    hold.held = math.max(0, amount - hold.captured)
    hold.expires_at = math.max(hold.expires_at, wallet.at + hold.ttl * 1e6)
    return 0, hold.held - before, true
  elseif op == 'CAPTURE_ON' then
    hold.held = before - math.min(amount, before)
    hold.captured = hold.captured + amount
    return 0 - amount, hold.held - before, true
  elseif op == 'CAPTURE' then
    return 0 - amount, 0 - before, false
  elseif op == 'EXPIRE' and hold.expires_at > now then
    return nil, 'EARLY'
  end
  return 0, 0 - before, false
end

local function opened_hold(wallet, c)
  return { held = c.amount, captured = 0, expires_at = wallet.at + c.ttl * 1e6, ttl = c.ttl, created_at = wallet.at,
    usage = c.usage }
end

local UNCHECKED = { MOVE = true, VOID = true, EXPIRE = true }
local ON_HOLD = { AUTHORIZE = true, INCREMENT = true, CAPTURE = true, CAPTURE_ON = true, VOID = true, EXPIRE = true,
  UNOPENED = true }
local NO_PRICE = { UNPRICED = true, UNPRICED_CAPTURE = true }
local SPENDS = { CHARGE = true, CAPTURE_LATE = true, AUTHORIZE = true, INCREMENT = true, CAPTURE = true,
  CAPTURE_ON = true, VOID = true, EXPIRE = true }

-- The first rule that a change breaks, in the order of precedence; nil if it breaks none.
local function broken_rule(wallet, op, amount, held_delta, begun, additions)
  local balance, held = wallet.balance + amount, wallet.held + held_delta
  local lowers = not UNCHECKED[op] and amount - held_delta < 0
  if wallet.state == CLOSED then
    return 'CLOSED'
  elseif wallet.state ~= ACTIVE and BEGINS[op] then
    return 'SUSPENDED'
  elseif begun and is_blocked(wallet, begun) then
    return 'BLOCKED'
  elseif NO_PRICE[op] then
    return 'UNPRICED'
  elseif additions and not UNCHECKED[op] and passes_limit(additions) then
    return 'SPEND'
  elseif lowers and balance - held < wallet.floor then
    return 'FUNDS'
  elseif math.abs(balance) > MICROS_MAX or held > MICROS_MAX then
    return 'LIMIT'
  end
  return nil
end

local entries, entries_size = {}, 0 -- For the journal: field, entry, field, entry, …

local function journaled_entry(wallet, company, attempt)
  local field = field_of(company, attempt)
  if wallet and wallet.changed and tonumber(string.match(attempt, '%d+$')) > wallet.seq_before then
    for i = 1, entries_size, 2 do -- A call may send a key twice, and the first one is not in the journal yet.
      if entries[i] == field then
        return entries[i + 1]
      end
    end
  end
  return call('HGET', journal, field)
end

local function known_answer(known, fingerprint, wallet, company)
  local attempt = sub(known, FINGERPRINT_BYTES + 1)
  local entry = journaled_entry(wallet, company, attempt)
  if sub(known, 1, FINGERPRINT_BYTES) ~= fingerprint then
    return 'R:' .. (entry or attempt)
  elseif entry then
    return 'P:' .. entry
  end
  return 'K:' .. attempt
end

local function declined(wallet, rule, amount, held_delta)
  return table.concat({ 'D', rule, integer(wallet.epoch), integer(wallet.seq), integer(amount), integer(held_delta),
    wallet.at_text }, ':')
end

-- Change a wallet in memory; the caller writes it, after the journal. `attempt` is new, and so is its journal field.
local function change(wallet, company, attempt, c)
  local amount, held_delta, hold, stays = c.amount, 0, nil, false
  if c.hold_key then
    hold = read_hold(c.hold_key, wallet.epoch)
    if c.op == 'UNOPENED' then
      return hold and 'L' or declined(wallet, wallet.state == CLOSED and 'CLOSED' or 'HOLD', 0, 0)
    elseif c.op ~= 'AUTHORIZE' then
      amount, held_delta, stays = on_hold(c.op, wallet, hold, c.amount)
      if not amount then
        return declined(wallet, wallet.state == CLOSED and 'CLOSED' or held_delta, 0, 0)
      end
    elseif hold then
      return 'K:' -- The hold is open, so its key record was settled and has expired: the ledger has the entry.
    else
      amount, held_delta, hold, stays = 0, c.amount, opened_hold(wallet, c), true
    end
  end
  local additions = nil
  if wallet.limits and SPENDS[c.op] then
    additions = additions_of(wallet, spending_of(wallet, c, hold, amount, held_delta))
    if not additions then
      wallet.dropped = true
      return 'C'
    end
  end
  local rule = broken_rule(wallet, c.op, amount, held_delta, wallet.blocked and begun_usage(c, hold), additions)
  if rule then
    return declined(wallet, rule, amount, held_delta)
  end

  if wallet.signal_at then
    local above = wallet.balance - wallet.held - wallet.floor - wallet.signal_at
    wallet.signals = wallet.signals or (above >= 0 and above + amount - held_delta < 0)
  end
  wallet.seq = wallet.seq + 1
  wallet.balance = wallet.balance + amount
  wallet.held = wallet.held + held_delta
  wallet.changed = true
  local done = attempt .. ':' .. integer(amount) .. ':' .. integer(held_delta) .. ':' .. wallet.at_text
  entries[entries_size + 1] = field_of(company, attempt)
  entries[entries_size + 2] = done .. ':' .. c.command
  entries_size = entries_size + 2
  if additions then
    count_spending(additions, 1)
  end
  if stays then
    write_hold(c.hold_key, wallet.epoch, hold)
  elseif c.hold_key then
    call('DEL', c.hold_key)
  end
  return 'A:' .. done
end

local HAS_USAGE = { CHARGE = true, CAPTURE_LATE = true, UNPRICED = true, UNPRICED_CAPTURE = true, AUTHORIZE = true,
  CAPTURE = true, CAPTURE_ON = true }

local function next_command()
  local i = arg_at
  arg_at = i + 4
  local op = ARGV[i + 1]
  return {
    op = op, fingerprint = ARGV[i + 2], amount = tonumber(ARGV[i + 3]), command = ARGV[i + 4], record = next_key(),
    hold_key = ON_HOLD[op] and next_key(), usage = HAS_USAGE[op] and next_arg(),
    ttl = op == 'AUTHORIZE' and next_number(),
  }
end

-- A call that was delayed on the way changes nothing: its sender has given up after a while, and its caller may have been
-- declined since, here or elsewhere. So a declined key keeps a mark for as long as a call may be under way; its value
-- has no attempt. A load may follow the loss of such marks, so calls that were sent before it are late as well. (Settled
-- attempts and clean-ups name their attempt, and may arrive at any time.)
local late = not_after > 0 and now > not_after
local DECLINED, CALL_MS_MAX = string.rep('-', FINGERPRINT_BYTES), 3000 -- Longer than hot/connect.py's SOCKET_SECONDS_MAX.

local function declined_at(known)
  return sub(known, 1, FINGERPRINT_BYTES) == DECLINED and tonumber(sub(known, FINGERPRINT_BYTES + 1))
end

local function apply(wallet, company)
  local c = next_command()
  if late then
    return 'L'
  end
  if not wallet or wallet.dropped then
    local known = call('GET', c.record)
    return known and not declined_at(known) and known_answer(known, c.fingerprint, wallet, company) or 'C'
  end
  if sent_at > 0 and sent_at <= wallet.loaded then
    return 'L'
  end
  -- Look the key up and reserve it in one step: most keys are new, and most charges are allowed.
  local attempt = wallet.prefix .. integer(wallet.seq + 1)
  local known = call('SET', c.record, c.fingerprint .. attempt, 'NX', 'GET', 'PX', key_ttl)
  if known then
    local declined_before = declined_at(known)
    if not declined_before then
      return known_answer(known, c.fingerprint, wallet, company)
    elseif sent_at > 0 and sent_at <= declined_before and declined_before < now then -- Not by this same call.
      return 'L'
    end
    call('SET', c.record, c.fingerprint .. attempt, 'PX', key_ttl)
  end
  local reply = change(wallet, company, attempt, c)
  local kind = sub(reply, 1, 1)
  if kind == 'D' then
    call('SET', c.record, DECLINED .. now_text, 'PX', CALL_MS_MAX)
  elseif kind ~= 'A' and known then
    call('SET', c.record, known, 'PX', CALL_MS_MAX) -- Keep the mark of the decline.
  elseif kind ~= 'A' then
    call('DEL', c.record)
  end
  return reply
end

local replies, replies_size = { now_text }, 1
local changed, changed_size = {}, 0
for _ = 1, companies do
  local company, seen_epoch, seen_seq, commands = next_arg(), next_number(), next_number(), next_number()
  local wallet = read_wallet(next_key(), company)
  -- The wallet is behind a position that the ledger has reported: it is an out-of-date copy.
  if wallet and (wallet.epoch < seen_epoch or (wallet.epoch == seen_epoch and wallet.seq < seen_seq)) then
    wallet = nil
  end
  for _ = 1, commands do
    replies_size = replies_size + 1
    replies[replies_size] = apply(wallet, company)
  end
  if wallet and wallet.dropped then
    call('DEL', wallet.key) -- Earlier attempts are in the journal, and the load appends them to the ledger.
  elseif wallet and wallet.changed then
    changed_size = changed_size + 1
    changed[changed_size] = wallet
  end
end

for first = 1, entries_size, FIELDS_PER_CALL do
  call('HSET', journal, unpack(entries, first, math.min(first + FIELDS_PER_CALL - 1, entries_size)))
end
for _, wallet in ipairs(changed) do
  call('HSET', wallet.key, 'seq', integer(wallet.seq), 'balance', integer(wallet.balance),
    'held', integer(wallet.held), 'at', wallet.at_text)
  if wallet.limits then
    write_counters(wallet)
  end
  if wallet.signals then
    call('SADD', signals, wallet.company)
  end
end

return replies
