-- One budget a key: a hash of its holds (h<id> = amount expires seq place), and of what the accounting said
-- last (nanos, version, and m<place> = seq for each mark). Amounts are exact up to 9 million dollars.
local mode, id, expires, now = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
if now == '' then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
else
  now = tonumber(now)
end
local KEEP_MS = 40 * 86400000

if mode == 'settle' then
  local cost, place, seq = tonumber(ARGV[5]), ARGV[6], ARGV[7]
  for _, key in ipairs(KEYS) do
    if place == '' or cost <= 0 then
      redis.call('HDEL', key, 'h' .. id)
    else
      redis.call('HSET', key, 'h' .. id, string.format('%.0f %.0f %s %s', cost, expires, seq, place))
      redis.call('PEXPIRE', key, KEEP_MS)
    end
  end
  return {}
end

local at = 5
local taken, worsts, allowed = {}, {}, 1
for index, key in ipairs(KEYS) do
  local limit, worst = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local nanos, version, marks = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  at = at + 5
  local said = tonumber(redis.call('HGET', key, 'version') or '-1')
  if version > said then
    redis.call('HSET', key, 'version', string.format('%.0f', version), 'nanos', string.format('%.0f', nanos))
    for mark = 1, marks do
      redis.call('HSET', key, 'm' .. ARGV[at], ARGV[at + 1])
      at = at + 2
    end
  else
    at = at + 2 * marks
    nanos = tonumber(redis.call('HGET', key, 'nanos') or '0')
  end
  local all, held = redis.call('HGETALL', key), 0
  for field = 1, #all, 2 do
    if string.sub(all[field], 1, 1) == 'h' then
      local amount, ends, seq, place = string.match(all[field + 1], '^(%S+) (%S+) (%S+) ?(.*)$')
      local counted = place ~= '' and tonumber(seq) <= tonumber(redis.call('HGET', key, 'm' .. place) or '-1')
      if counted or tonumber(ends) <= now then
        redis.call('HDEL', key, all[field])
      else
        held = held + tonumber(amount)
      end
    end
  end
  taken[index], worsts[index] = nanos + held, worst
  if worst > limit - taken[index] then allowed = 0 end
end
if allowed == 1 then
  for index, key in ipairs(KEYS) do
    redis.call('HSET', key, 'h' .. id, string.format('%.0f %.0f -1 ', worsts[index], expires))
    redis.call('PEXPIRE', key, KEEP_MS)
  end
end
local answer = { allowed }
for index, amount in ipairs(taken) do answer[index + 1] = string.format('%.0f', amount) end
return answer
