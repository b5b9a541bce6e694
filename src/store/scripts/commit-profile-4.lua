--[[
  commit-profile: store a change of one profile, if nobody else changed it since it was read.

  KEYS[1]  profile:{phone}   hash; `version` names the state, the other fields are ETF fragments or digits
  KEYS[2]  contacts:{phone}  hash; one 'Contact' fragment a field
  ARGV[1]  version that was read; "" where there was no profile
  ARGV[2]  version of the new state, never used before
  ARGV[3]  how many of the arguments that follow are fields and values of KEYS[1]
  ARGV[4]  "replace": what remains are all fields and values of KEYS[2]; "keep": KEYS[2] stays as it is
  ARGV[5…] the fields and values

  Returns  "stored"   the state is the new one
           "changed"  another version is stored; nothing written

  Repeatable: a second run finds its own version and says "stored". Called by src/store/profiles.ts
]]
local profile, contacts = KEYS[1], KEYS[2]
local read, new, count, rosters = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]

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

write(profile, 5, 4 + count)
redis.call('HSET', profile, 'version', new)
if rosters == 'replace' then
  redis.call('UNLINK', contacts)
  write(contacts, 5 + count, #ARGV)
end
return 'stored'
