--[[
  rename-contacts: give contacts of one phone another `phone_id`, if its profile is still what was read.

  KEYS[1]  contacts:{phone}  hash; one 'Contact' fragment a field
  KEYS[2]  profile:{phone}   hash; `outlines` lists the contacts, `rosters` is made of them
  KEYS[3]  done:{phone}:…    hash; a field for each contact that was renamed, its new one
  ARGV[1]  version of the profile that was read
  ARGV[2]  version of the new state, never used before
  ARGV[3]  the outlines without the old `phone_id`s and with the new ones, an ETF fragment
  ARGV[4]  seconds for which KEYS[3] is kept
  ARGV[5…] for each contact three: its field, its new field, and the contact that stands there then, an ETF fragment:
           with its new `phone_id`, or the ban that has it already

  Returns  "stored"   the contacts have their new names
           "changed"  another version is stored; nothing written

  Repeatable: a second run finds its own version. Called by src/store/contacts.ts
]]
local contacts, profile, done = KEYS[1], KEYS[2], KEYS[3]
local read, new, outlines, doneSeconds = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local guard = versionGuard(profile, read, new)
if guard == 'stored' then return 'stored' end
if guard == 'changed' then return 'changed' end
for at = 5, #ARGV, 3 do
  redis.call('HDEL', contacts, ARGV[at])
  redis.call('HSET', contacts, ARGV[at + 1], ARGV[at + 2])
  redis.call('HSET', done, ARGV[at + 1], '1')
end
redis.call('HSET', profile, 'version', new, 'outlines', outlines)
redis.call('HDEL', profile, 'rosters')
redis.call('EXPIRE', done, doneSeconds)
return 'stored'
