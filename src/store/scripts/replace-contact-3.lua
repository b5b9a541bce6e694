--[[
  replace-contact: put a new text in the place of one contact, if it is still what was read.

  KEYS[1]  contacts:{phone}  hash; one 'Contact' fragment a field
  KEYS[2]  profile:{phone}   hash; `version` names the state, `rosters` is made of the contacts
  KEYS[3]  done:{phone}:…    the record that the contact was changed, where one is kept
  ARGV[1]  field of the contact, <roster id>:<phone_id>
  ARGV[2]  the fragment that was read
  ARGV[3]  the fragment to store
  ARGV[4]  version of the new state, never used before
  ARGV[5]  seconds for which KEYS[3] is kept; "0" for no record

  Returns  "stored"   the contact is the new one
           "done"     it was changed for this cause before; nothing written
           "changed"  the contact is another by now, or gone; nothing written

  Repeatable: a second run finds the new fragment and says "stored". Called by src/store/contacts.ts
]]
local contacts, profile, done = KEYS[1], KEYS[2], KEYS[3]
local field, read, new, version, doneSeconds = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local stored = redis.call('HGET', contacts, field)
if stored == new then
  return 'stored'
end
if doneSeconds ~= '0' and redis.call('EXISTS', done) == 1 then
  return 'done'
end
if stored ~= read then
  return 'changed'
end
redis.call('HSET', contacts, field, new)
redis.call('HSET', profile, 'version', version)
-- The ready rosters held the old contact; the next reader joins them again.
redis.call('HDEL', profile, 'rosters')
if doneSeconds ~= '0' then
  redis.call('SET', done, 'changed', 'EX', doneSeconds)
end
return 'stored'
