--[[
  replace-contact: put a new text in the place of one contact, if it is still what was read.

  KEYS[1]  contacts:{phone}  hash; one 'Contact' fragment a field
  KEYS[2]  profile:{phone}   hash; `version` names the state, `rosters` is made of the contacts
  ARGV[1]  field of the contact, <roster id>:<phone_id>
  ARGV[2]  the fragment that was read
  ARGV[3]  the fragment to store
  ARGV[4]  version of the new state, never used before

  Returns  "stored"   the contact is the new one
           "changed"  the contact is another by now, or gone; nothing written

  Repeatable: a second run finds the new fragment and says "stored". Called by src/store/contacts.ts
]]
local contacts, profile = KEYS[1], KEYS[2]
local field, read, new, version = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local stored = redis.call('HGET', contacts, field)
if stored == new then
  return 'stored'
end
if stored ~= read then
  return 'changed'
end
redis.call('HSET', contacts, field, new)
redis.call('HSET', profile, 'version', version)
-- The ready rosters held the old contact; the next reader joins them anew.
redis.call('HDEL', profile, 'rosters')
return 'stored'
