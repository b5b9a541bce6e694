--[[
  keep-poisoned: keep a request that was given up for the operator, and forget the oldest of too many.

  KEYS[1]  poisoned  hash; by id, an entry that begins with its time in Unix milliseconds, 13 digits
  ARGV[1]  the id
  ARGV[2]  the entry
  ARGV[3]  how many may be kept
  ARGV[4]  how many bytes all of them may have
  ARGV[5]  seconds for which an entry is kept

  Returns  "stored"  kept
           "done"    it was kept before; nothing written

  Repeatable: a second run finds it kept. Called by src/store/poison.ts
]]
local poisoned, seconds = KEYS[1], tonumber(ARGV[5])
if redis.call('HSETNX', poisoned, ARGV[1], ARGV[2]) == 0 then
  return 'done'
end
redis.call('EXPIRE', poisoned, seconds)

local function timeOf(entry)
  return tonumber(string.sub(entry, 1, 13))
end
local entries, bytes = {}, 0
local all = redis.call('HGETALL', poisoned)
for i = 1, #all, 2 do
  entries[#entries + 1] = { id = all[i], time = timeOf(all[i + 1]), bytes = #all[i + 1] }
  bytes = bytes + #all[i + 1]
end
table.sort(entries, function(one, other) return one.time < other.time end)

local left = #entries
local since = timeOf(ARGV[2]) - seconds * 1000
for _, entry in ipairs(entries) do
  if entry.time >= since and left <= tonumber(ARGV[3]) and bytes <= tonumber(ARGV[4]) then break end
  redis.call('HDEL', poisoned, entry.id)
  left, bytes = left - 1, bytes - entry.bytes
end
return 'stored'
