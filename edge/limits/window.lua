-- The sliding window of window.py, in one script, so that a decision over several windows is atomic.
--
-- KEYS: windows. ARGV: "take" or "charge"; the time in ms, or "" for the server's; slices, skew in ms, the most
-- that is counted; then for each key its window in ms, and quota and amount to take, or 0 and amount charged.
-- Returns for "take": 1 or 0, then for each key: used, wait in ms, ms until the oldest leaves.
-- A block is doubles, big-endian: used, then time and amount of each entry, oldest first.

local mode, now = ARGV[1], tonumber(ARGV[2])
local slices, skew, most = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000 + math.floor(t[2] / 1000)
end

local function entry(block, at)
  local time, amount = struct.unpack('>dd', block, at)
  return time, amount
end

local function load(key, window)
  local w = {key = key, window = window, now = now, used = 0, entries = ''}
  local block = redis.call('GET', key)
  if not block or #block <= 8 then return w end
  w.used = struct.unpack('>d', block)
  w.entries = string.sub(block, 9)
  local last = entry(w.entries, #w.entries - 15)
  if last > now and last - now <= skew then
    w.now = last
  elseif last > now then
    local future, at = 0, #w.entries - 15
    while at >= 1 do
      local time, amount = entry(w.entries, at)
      if time < now then break end
      future = future + amount
      at = at - 16
    end
    w.entries = string.sub(w.entries, 1, at + 15) .. struct.pack('>dd', now, future)
  end
  local at = 1
  while at <= #w.entries do
    local time, amount = entry(w.entries, at)
    if time > w.now - window then break end
    w.used = w.used - amount
    at = at + 16
  end
  w.entries = string.sub(w.entries, at)
  return w
end

local function coalesce(w)
  local width = math.max(1, math.ceil(w.window / slices))
  local merged, group, time, amount = {}, nil, 0, 0
  for at = 1, #w.entries, 16 do
    local t, a = entry(w.entries, at)
    local g = math.floor(t / width)
    if group ~= g then
      if group then merged[#merged + 1] = struct.pack('>dd', time, amount) end
      group, amount = g, 0
    end
    time, amount = t, amount + a
  end
  merged[#merged + 1] = struct.pack('>dd', time, amount)
  w.entries = table.concat(merged)
end

local function add(w, amount)
  amount = math.min(amount, most - w.used)
  if amount <= 0 then return end
  w.used = w.used + amount
  if #w.entries > 0 then
    local last, taken = entry(w.entries, #w.entries - 15)
    if last == w.now then
      amount = amount + taken
      w.entries = string.sub(w.entries, 1, -17)
    end
  end
  w.entries = w.entries .. struct.pack('>dd', w.now, amount)
  if #w.entries > 2 * slices * 16 then coalesce(w) end
  redis.call('SET', w.key, struct.pack('>d', w.used) .. w.entries, 'PX', w.window + skew)
end

local function wait(w, room)
  local excess, waited = w.used - math.max(room, 0), 0
  for at = 1, #w.entries, 16 do
    if excess <= 0 then break end
    local time, amount = entry(w.entries, at)
    excess = excess - amount
    waited = time + w.window - w.now
  end
  return waited
end

local windows, allowed = {}, true
for i, key in ipairs(KEYS) do
  local at = 6 + (i - 1) * 3
  local w = load(key, tonumber(ARGV[at]))
  w.quota, w.take = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  windows[i] = w
  if mode == 'take' and w.used + math.max(w.take, 1) > w.quota then
    w.refused = true
    allowed = false
  end
end
if allowed then
  for _, w in ipairs(windows) do add(w, w.take) end
end

local answer = {allowed and 1 or 0}
for _, w in ipairs(windows) do
  answer[#answer + 1] = w.used
  answer[#answer + 1] = w.refused and wait(w, w.quota - math.max(w.take, 1)) or 0
  answer[#answer + 1] = #w.entries > 0 and (entry(w.entries, 1) + w.window - w.now) or 0
end
return answer
