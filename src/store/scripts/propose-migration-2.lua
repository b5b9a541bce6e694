--[[
  propose-migration: list an old phone among those that ask to move to this one.

  KEYS[1]  migration:{new}  hash; a field for each listed old phone; `more`, until when there may be others that it does
                            not list, Unix milliseconds; `from`, the last one, for workers of the version before;
                            `claim` and `settled` while a migration is carried out
  KEYS[2]  done:{new}:…     hash; the record that the request is done
  ARGV[1]  the old phone
  ARGV[2]  name of this entry, never used before
  ARGV[3]  seconds for which KEYS[1] is kept
  ARGV[4]  seconds for which the record is kept
  ARGV[5]  how many old phones may be listed
  ARGV[6]  JSON list of entries that no longer count, each an old phone and its name; "" where nobody has looked yet
  ARGV[7]  the field of the record in KEYS[2]
  ARGV[8]  the record to keep
  ARGV[9]  the record as it was read; "" where there was none

  Returns  "stored"  listed; or, where all others still count, known to be missing
           "done"    another worker did this request meanwhile, and the proposal may be settled by now; nothing written
           "full"    the list is full and nobody has looked for entries that no longer count; nothing written

  Repeatable: a second run finds the record. Called by src/store/proposals.ts
]]
local migration, done = KEYS[1], KEYS[2]
local old, name, seconds, doneSeconds, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local hasLooked = ARGV[6] ~= ''

local record = readRecord(done, ARGV[7])
if record ~= ARGV[9] then
  if record == ARGV[8] then return 'stored' end
  return 'done'
end

for _, entry in ipairs(hasLooked and cjson.decode(ARGV[6]) or {}) do
  -- An old phone that has asked again since has an entry of another name.
  if redis.call('HGET', migration, entry[1]) == entry[2] then
    redis.call('HDEL', migration, entry[1])
  end
end
local listed = 0
for _, field in ipairs(redis.call('HKEYS', migration)) do
  listed = listed + (tonumber(field) and 1 or 0)
end
if listed < most or redis.call('HEXISTS', migration, old) == 1 then
  redis.call('HSET', migration, old, name)
elseif hasLooked then
  redis.call('HSET', migration, 'more', unixMillis() + seconds * 1000)
else
  return 'full'
end
if not redis.call('HGET', migration, 'claim') then
  redis.call('HSET', migration, 'from', old)
  redis.call('EXPIRE', migration, seconds)
end
keepRecord(done, ARGV[7], ARGV[8], doneSeconds)
return 'stored'
