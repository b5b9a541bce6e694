--[[
  commit-profile: store a change of one profile, if nobody else changed it since it was read.

  KEYS[1]  profile:{phone}   hash; `version` names the state, the other fields are ETF fragments or digits
  KEYS[2]  contacts:{phone}  hash; one 'Contact' fragment a field
  KEYS[3]  verify:{phone}    hash; the codes that were mailed and not yet confirmed
  KEYS[4]  done:{phone}:…    hash; the record that the request is done
  KEYS[5]  removal:{phone}   hash; `ended` once the sessions of a phone that is removed have ended
  KEYS[6]  leaving:{phone}   hash; a profile that is moving from this phone to another
  ARGV[1]  version that was read; "" where there was no profile
  ARGV[2]  version of the new state, never used before
  ARGV[3]  the field of the record in KEYS[4]
  ARGV[4]  the record as it was read; "" where there was none
  ARGV[5]  the record to keep
  ARGV[6]  seconds for which it is kept
  ARGV[7]  how many of the arguments from the eleventh on are fields and values of KEYS[1]
  ARGV[8]  how many of those after them are fields and values of KEYS[3]; the fourth is a code's life in milliseconds
  ARGV[9]  seconds for which KEYS[3] is kept from now on
  ARGV[10] all fields and values of KEYS[2], a MessagePack list; "" if KEYS[2] stays as it is

  Returns  "stored"   the state is the new one
           "done"     another worker did this request meanwhile; nothing written
           "changed"  another version is stored; nothing written
           "leaving"  there is no profile, and the sessions of the phone are just ending or moving; nothing written

  Repeatable: a second run finds its own version and says "stored". Called by src/store/profiles.ts
]]
local profile, contacts, verify, done, removal, leaving = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local read, new, doneField, doneRead, record, doneSeconds = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local fields, codes, verifySeconds, packed = tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9], ARGV[10]

local guard = versionGuard(profile, read, new)
if guard == 'stored' then return 'stored' end
if readRecord(done, doneField) ~= doneRead then return 'done' end
if guard == 'changed' then return 'changed' end
if read == '' then
  local isEnding = redis.call('EXISTS', removal) == 1 and redis.call('HEXISTS', removal, 'ended') == 0
  if isEnding or redis.call('EXISTS', leaving) == 1 then return 'leaving' end
end

local function write(key, words, first, last) -- by parts: Lua's stack ends near 8,000 values
  for from = first, last or #words, 4000 do
    redis.call('HSET', key, unpack(words, from, math.min(from + 3999, last or #words)))
  end
end

redis.call('HSET', profile, 'version', new)
write(profile, ARGV, 11, 10 + fields)
if codes > 0 then
  ARGV[14 + fields] = unixMillis() + ARGV[14 + fields]
  write(verify, ARGV, 11 + fields, 10 + fields + codes)
  redis.call('EXPIRE', verify, verifySeconds)
end
if packed ~= '' then
  redis.call('UNLINK', contacts)
  write(contacts, cmsgpack.unpack(packed), 1)
end
keepRecord(done, doneField, record, doneSeconds)
return 'stored'
