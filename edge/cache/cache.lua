-- Answers and leases in Redis. KEYS: order (by last use), sizes, total; all names share one hash tag, so that a
-- cluster has them in one slot. ARGV: what to do, the prefix of the answers' names, then the arguments.
-- An answer is a double, big-endian: when it was made, and then its bytes. It expires by itself; what `order`
-- and `sizes` still hold of it goes when its turn to be deleted comes.

local order, sizes, total = KEYS[1], KEYS[2], KEYS[3]
local what, prefix = ARGV[1], ARGV[2]

local function made(name)
  local head = redis.call('GETRANGE', prefix .. name, 0, 7)
  return #head == 8 and struct.unpack('>d', head) or nil
end

local function forget(name)
  local size = redis.call('HGET', sizes, name)
  if size then redis.call('DECRBY', total, size) end
  redis.call('HDEL', sizes, name)
  redis.call('ZREM', order, name)
  redis.call('DEL', prefix .. name)
end

if what == 'lookup' then
  local key, slots, oldest, now, share = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])
  for slot = 0, slots - 1 do
    local at = made(key .. ':' .. slot)
    if not at or at < oldest then return false end
  end
  local name = key .. ':' .. math.floor(share * slots)
  redis.call('ZADD', order, 'XX', now, name)
  return redis.call('GETRANGE', prefix .. name, 8, -1)
end

if what == 'put' then
  local key, slots, now, ttl, data = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6], ARGV[7]
  local max_bytes, max_entries = tonumber(ARGV[8]), tonumber(ARGV[9])
  local slot, oldest = 0, nil
  for each = 0, slots - 1 do
    local at = made(key .. ':' .. each)
    if not at then
      slot = each
      break
    elseif not oldest or at < oldest then
      slot, oldest = each, at
    end
  end
  local name = key .. ':' .. slot
  forget(name)
  while redis.call('ZCARD', order) >= max_entries
    or tonumber(redis.call('GET', total) or '0') + #data > max_bytes do
    local last = redis.call('ZRANGE', order, 0, 0)[1]
    if not last then break end
    forget(last)
  end
  redis.call('SET', prefix .. name, struct.pack('>d', now) .. data, 'PX', ttl)
  redis.call('ZADD', order, now, name)
  redis.call('HSET', sizes, name, #data)
  redis.call('INCRBY', total, #data)
  return slot
end

-- Leases. A lease is "token state slot"; it expires by itself.
local lease = prefix .. ARGV[3] .. ':lease'
local held = redis.call('GET', lease)
local token, state = '', ''
if held then token, state = string.match(held, '^(%S+) (%S+)') end

if what == 'acquire' then
  if state == 'running' and token ~= ARGV[4] then return held end
  held = ARGV[4] .. ' running 0'
  redis.call('SET', lease, held, 'PX', ARGV[5])
  return held
end

-- replace: token, what the lease becomes, for how long
if state ~= 'running' or token ~= ARGV[4] then return 0 end
redis.call('SET', lease, ARGV[5], 'PX', ARGV[6])
return 1
