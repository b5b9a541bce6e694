--[[
  rename-contact: give one contact another `phone_id`, if its owner's profile is still what was read.

  KEYS[1]  contacts:{phone}  hash; one 'Contact' fragment a field
  KEYS[2]  profile:{phone}   hash; `outlines` lists the contacts, `rosters` is made of them
  KEYS[3]  done:{phone}:…    the record that the contact was renamed
  ARGV[1]  version of the profile that was read
  ARGV[2]  version of the new state, never used before
  ARGV[3]  field of the contact, <roster id>:<phone_id>
  ARGV[4]  its new field
  ARGV[5]  the contact that stands there then, an ETF fragment: with its new `phone_id`, or the ban that has it already
  ARGV[6]  the outlines without the old `phone_id` and with the new one, an ETF fragment
  ARGV[7]  seconds for which KEYS[3] is kept

  Returns  "stored"   the contact has its new name
           "changed"  another version is stored; nothing written

  Repeatable: a second run finds its own version. Called by src/store/contacts.ts
]]
local contacts, profile, done = KEYS[1], KEYS[2], KEYS[3]
local read, new, field, newField = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local contact, outlines, doneSeconds = ARGV[5], ARGV[6], ARGV[7]

local guard = versionGuard(profile, read, new)
if guard == 'stored' then return 'stored' end
if guard == 'changed' then return 'changed' end
redis.call('HDEL', contacts, field)
redis.call('HSET', contacts, newField, contact)
redis.call('HSET', profile, 'version', new, 'outlines', outlines)
redis.call('HDEL', profile, 'rosters')
redis.call('SET', done, 'renamed', 'EX', doneSeconds)
return 'stored'
