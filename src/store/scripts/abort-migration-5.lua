--[[
  abort-migration: give a profile that was put aside back to its old phone, since the new one can't take it.

  KEYS[1]  profile:{old}           hash
  KEYS[2]  contacts:{old}          hash
  KEYS[3]  leaving:{old}           hash; the profile that was put aside
  KEYS[4]  leaving:{old}:contacts  hash; its contacts
  KEYS[5]  migration:{old}:to      the phone that this one asked last to move to
  ARGV[1]  name of the claim under which it moves
  ARGV[2]  seconds for which KEYS[5] is kept

  Returns  "stored"   the profile is the old phone's again
           "changed"  another has the move in hand by now, or nothing is put aside; nothing written

  Repeatable: a second run after "stored" finds nothing to do and says "changed". Called by src/store/migrations.ts
]]
local profile, contacts, leaving, leavingContacts, migrating = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local claim, seconds = ARGV[1], ARGV[2]

if redis.call('HGET', leaving, 'claim') ~= claim then
  return 'changed'
end
redis.call('SET', migrating, redis.call('HGET', leaving, 'to'), 'EX', seconds)
redis.call('HDEL', leaving, 'to', 'claim')
redis.call('RENAME', leaving, profile)
redis.call('UNLINK', contacts)
if redis.call('EXISTS', leavingContacts) == 1 then
  redis.call('RENAME', leavingContacts, contacts)
end
return 'stored'
