--[[
  commit-profile: store a change of one profile, if nobody else changed it since it was read.

  KEYS[1]  profile:{phone}   hash; `version` names the state, the other fields are ETF fragments or digits
  KEYS[2]  contacts:{phone}  hash; one 'Contact' fragment a field
  KEYS[3]  verify:{phone}    hash; the codes that were mailed and not yet confirmed
  KEYS[4]  done:{phone}:…    the record that the request is done
  ARGV[1]  version that was read; "" where there was no profile
  ARGV[2]  version of the new state, never used before
  ARGV[3]  the word to keep in KEYS[4]
  ARGV[4]  seconds for which it is kept
  ARGV[5]  how many of the arguments from the ninth on are fields and values of KEYS[1]
  ARGV[6]  how many of those after them are fields and values of KEYS[3]
  ARGV[7]  seconds for which KEYS[3] is kept from now on
  ARGV[8]  "replace": what remains are all fields and values of KEYS[2]; "keep": KEYS[2] stays as it is

  Returns  "stored"   the state is the new one
           "changed"  another version is stored; nothing written

  Repeatable: a second run finds its own version and says "stored". Called by src/store/profiles.ts
]]
local profile, contacts, verify, done = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local read, new, word, doneSeconds = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local fields, codes, verifySeconds, rosters = tonumber(ARGV[5]), tonumber(ARGV[6]), ARGV[7], ARGV[8]

local stored = redis.call('HGET', profile, 'version') or ''
if stored == new then
  return 'stored'
end
if stored ~= read then
  return 'changed'
end

-- Lua's stack ends near 8,000 values, so a long list goes in by parts.
local function write(key, first, last)
  for from = first, last, 4000 do
    redis.call('HSET', key, unpack(ARGV, from, math.min(from + 3999, last)))
  end
end

redis.call('HSET', profile, 'version', new)
write(profile, 9, 8 + fields)
if codes > 0 then
  write(verify, 9 + fields, 8 + fields + codes)
  redis.call('EXPIRE', verify, verifySeconds)
end
if rosters == 'replace' then
  redis.call('UNLINK', contacts)
  write(contacts, 9 + fields + codes, #ARGV)
end
redis.call('SET', done, word, 'EX', doneSeconds)
return 'stored'
