-- Clear away what the ledger has judged, then apply commands to their wallets. One call for a partition and a cycle.
--
-- KEYS  journals                                 set: the companies that have a journal
--       per clean-up:  wallet, journal, key record
--       per company:   wallet, journal
--         per command: key record, and the authorization where the command has one
--
-- ARGV  key TTL in ms after settling, number of clean-ups, number of companies
--       per clean-up:  action, company, idempotency key, attempt, amount, held delta
--         SETTLE   the entry is committed: it leaves the journal, and its key record's TTL starts
--         DISCARD  the entry will never be: it leaves the journal, with its key record
--         UNDO     DISCARD, and give its change back
--         DROP     DISCARD, and delete the wallet
--         FORGET   delete the wallet of the attempt's epoch, whatever the key
--       per company:   company, number of commands
--         per command: op, checked, idempotency key, fingerprint, amount, ttl in s, seen epoch, seen seq, bytes for the
--                      journal, 1 where an authorization is among the KEYS
--         MOVE         add the amount                 CHARGE      the same, refused while suspended
--         AUTHORIZE    open a hold                    INCREMENT   change a hold's total
--         CAPTURE      take from a hold and close it  CAPTURE_ON  take from a hold and keep it open
--         VOID         give a hold back               EXPIRE      the same, where its time is up
--
-- Reply, a string per command, in order:
--       A:epoch:seq:amount:held delta:microseconds   applied, and in the journal
--       P:journal entry                              the same request was applied before and is not settled
--       K:attempt                                    the same request was applied before and is settled
--       R:journal entry, or nothing                  another request has the key
--       C                                            cold: no wallet, or one that must not be trusted
--       D:rule:epoch:seq:amount:held delta           declined: FUNDS, LIMIT, HOLD, EARLY, SUSPENDED, CLOSED
--
-- Every clean-up names its attempt (epoch:seq) and acts only where the key record bears the same one: a journal entry
-- and its key record are written and removed together, so the record speaks for both.
-- The journal is written before the wallet: should a script ever end half way, money is not taken without a trace.

local FINGERPRINT_BYTES = 12
local MICROS_MAX = 9e15
local ACTIVE, CLOSED = 1, 3

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
  return string.format('%.0f', number)
end

-- The server says itself which run it is, so no client can hold a stale idea of it after a failover.
local run = string.sub(string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'), 1, 16)
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1e6 + tonumber(clock[2])

local journals = next_key()
local key_ttl = next_arg()
local cleanups = next_number()
local companies = next_number()
local touched = {}

local function clean(action, company, idempotency_key, attempt, amount, held_delta)
  local wallet, journal, record = next_key(), next_key(), next_key()
  local epoch = string.match(attempt, '^%d+')
  if action == 'FORGET' then
    if redis.call('HGET', wallet, 'epoch') == epoch then
      redis.call('DEL', wallet)
    end
    return
  end
  local known = redis.call('GET', record)
  if not known or string.sub(known, FINGERPRINT_BYTES + 1) ~= attempt then
    return
  end
  local journaled = redis.call('HDEL', journal, idempotency_key) == 1
  touched[journal] = company
  if action == 'SETTLE' then
    redis.call('PEXPIRE', record, key_ttl)
    return
  end
  redis.call('DEL', record)
  if action == 'DISCARD' or redis.call('HGET', wallet, 'epoch') ~= epoch then
    return
  end
  if action == 'DROP' then
    redis.call('DEL', wallet)
  elseif journaled then
    local sums = redis.call('HMGET', wallet, 'balance', 'held')
    redis.call('HSET', wallet, 'balance', integer(tonumber(sums[1]) - amount),
      'held', integer(tonumber(sums[2]) - held_delta))
  end
end

for _ = 1, cleanups do
  local action, company, idempotency_key, attempt = next_arg(), next_arg(), next_arg(), next_arg()
  clean(action, company, idempotency_key, attempt, next_number(), next_number())
end

local function read_wallet(key)
  local f = redis.call('HMGET', key, 'epoch', 'seq', 'balance', 'held', 'floor', 'state', 'at', 'run')
  if not f[1] or f[8] ~= run then
    return nil
  end
  return {
    epoch = tonumber(f[1]), seq = tonumber(f[2]), balance = tonumber(f[3]), held = tonumber(f[4]),
    floor = tonumber(f[5]), state = tonumber(f[6]), at = math.max(tonumber(f[7]), now),
  }
end

-- An open authorization of the wallet's own epoch; one that an older load left behind is absent, and one of a newer load
-- says that the wallet is about to be replaced (the second value).
local function read_hold(key, epoch)
  local held_epoch, held, captured, expires_at, ttl =
    string.match(redis.call('GET', key) or '', '^(%d+):(%d+):(%d+):(%d+):(%d+)$')
  held_epoch = tonumber(held_epoch)
  if held_epoch ~= epoch then
    return nil, held_epoch and held_epoch > epoch
  end
  return { held = tonumber(held), captured = tonumber(captured), expires_at = tonumber(expires_at), ttl = tonumber(ttl) }
end

local HOLD_KEEP_US = 86400e6 -- A hold outlives its expiry by a day in memory; the ledger's sweep ends it before.
local function write_hold(key, epoch, hold)
  redis.call('SET', key, table.concat({ integer(epoch), integer(hold.held), integer(hold.captured),
    integer(hold.expires_at), integer(hold.ttl) }, ':'),
    'PXAT', integer(math.floor((math.max(hold.expires_at, now) + HOLD_KEEP_US) / 1000)))
end

-- What a command on an authorization does: amount, held delta and the hold afterwards (nil where it is closed), or
-- nil and the rule that forbids it.
local function on_hold(op, wallet, hold, amount, ttl)
  if op == 'AUTHORIZE' then
    return 0, amount, { held = amount, captured = 0, expires_at = wallet.at + ttl * 1e6, ttl = ttl }
  end
  if not hold then
    return nil, 'HOLD'
  end
  if op == 'INCREMENT' then
    local held = math.max(0, amount - hold.captured)
    local expires_at = math.max(hold.expires_at, wallet.at + hold.ttl * 1e6)
    return 0, held - hold.held, { held = held, captured = hold.captured, expires_at = expires_at, ttl = hold.ttl }
  elseif op == 'CAPTURE_ON' then
    local released = math.min(amount, hold.held)
    return 0 - amount, 0 - released, { held = hold.held - released, captured = hold.captured + amount,
      expires_at = hold.expires_at, ttl = hold.ttl }
  elseif op == 'CAPTURE' then
    return 0 - amount, 0 - hold.held, nil
  elseif op == 'EXPIRE' and hold.expires_at > now then
    return nil, 'EARLY'
  end
  return 0, 0 - hold.held, nil
end

local function broken_rule(wallet, op, checked, amount, held_delta)
  local balance, held = wallet.balance + amount, wallet.held + held_delta
  if wallet.state == CLOSED then
    return 'CLOSED'
  elseif wallet.state ~= ACTIVE and (op == 'CHARGE' or op == 'AUTHORIZE' or op == 'INCREMENT') then
    return 'SUSPENDED'
  elseif checked and amount - held_delta < 0 and balance - held < wallet.floor then
    return 'FUNDS'
  elseif math.abs(balance) > MICROS_MAX or held > MICROS_MAX then
    return 'LIMIT'
  end
  return nil
end

local function known_answer(known, fingerprint, journal, idempotency_key)
  local entry = redis.call('HGET', journal, idempotency_key)
  if string.sub(known, 1, FINGERPRINT_BYTES) ~= fingerprint then
    return 'R:' .. (entry or '')
  elseif entry then
    return 'P:' .. entry
  end
  return 'K:' .. string.sub(known, FINGERPRINT_BYTES + 1)
end

local function apply(wallet, journal)
  local op, checked, idempotency_key, fingerprint = next_arg(), next_arg() == '1', next_arg(), next_arg()
  local amount, ttl, seen_epoch, seen_seq = next_number(), next_number(), next_number(), next_number()
  local command, has_hold = next_arg(), next_arg() == '1'
  local record = next_key()
  local hold_key = has_hold and next_key()

  local known = redis.call('GET', record)
  if known then
    return known_answer(known, fingerprint, journal, idempotency_key)
  end
  -- The ledger was seen further on than this wallet: it comes from a copy that missed something.
  if not wallet or wallet.epoch < seen_epoch or (wallet.epoch == seen_epoch and wallet.seq < seen_seq) then
    return 'C'
  end

  local held_delta, hold = 0, nil
  if has_hold then
    local before, newer = read_hold(hold_key, wallet.epoch)
    if newer then
      return 'C'
    end
    if before and op == 'AUTHORIZE' then
      return 'K:' -- The hold is open, so its key was settled and has gone: the ledger knows it.
    end
    local rule
    amount, held_delta, hold = on_hold(op, wallet, before, amount, ttl)
    if not amount then
      rule, amount, held_delta = held_delta, 0, 0
      if wallet.state == CLOSED then
        rule = 'CLOSED'
      end
      return table.concat({ 'D', rule, integer(wallet.epoch), integer(wallet.seq), '0', '0' }, ':')
    end
  end
  local rule = broken_rule(wallet, op, checked, amount, held_delta)
  if rule then
    return table.concat({ 'D', rule, integer(wallet.epoch), integer(wallet.seq), integer(amount),
      integer(held_delta) }, ':')
  end

  wallet.seq = wallet.seq + 1
  wallet.balance = wallet.balance + amount
  wallet.held = wallet.held + held_delta
  wallet.changed = true
  local attempt = integer(wallet.epoch) .. ':' .. integer(wallet.seq)
  local change = attempt .. ':' .. integer(amount) .. ':' .. integer(held_delta) .. ':' .. integer(wallet.at)
  redis.call('HSET', journal, idempotency_key, change .. ':' .. command)
  redis.call('SET', record, fingerprint .. attempt)
  if hold then
    write_hold(hold_key, wallet.epoch, hold)
  elseif has_hold then
    redis.call('DEL', hold_key)
  end
  return 'A:' .. change
end

local replies = {}
for _ = 1, companies do
  local wallet_key, journal = next_key(), next_key()
  local company, commands = next_arg(), next_number()
  local wallet = read_wallet(wallet_key)
  for _ = 1, commands do
    replies[#replies + 1] = apply(wallet, journal)
  end
  if wallet and wallet.changed then
    redis.call('SADD', journals, company)
    redis.call('HSET', wallet_key, 'seq', integer(wallet.seq), 'balance', integer(wallet.balance),
      'held', integer(wallet.held), 'at', integer(wallet.at))
  end
end

for journal, company in pairs(touched) do
  if redis.call('EXISTS', journal) == 0 then
    redis.call('SREM', journals, company)
  end
end

return replies
