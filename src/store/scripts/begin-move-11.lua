--[[
  begin-move: put a profile aside that moves to another phone; nobody changes it from here on.

  KEYS[1]  profile:{old}           hash
  KEYS[2]  contacts:{old}          hash
  KEYS[3]  leaving:{old}           hash; the profile while it moves
  KEYS[4]  leaving:{old}:contacts  hash; its contacts while it moves
  KEYS[5]  migration:{old}:to      the phone that this one asked last to move to
  KEYS[6…] verifications, credentials, limits and migrations of the old phone; deleted
  ARGV[1]  the new phone

  Returns  "stored"     the profile is put aside for the new phone
           "not_found"  there is no profile, or it does not want to move there; nothing written

  Repeatable: a second run finds the profile put aside. Called by src/store/migrations.ts
]]
local profile, contacts, leaving, leavingContacts, migrating = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local new = ARGV[1]

if redis.call('HGET', leaving, 'to') == new then
  return 'stored'
end
if redis.call('GET', migrating) ~= new or redis.call('EXISTS', profile) == 0 then
  return 'not_found'
end
redis.call('RENAME', profile, leaving)
redis.call('HSET', leaving, 'to', new)
redis.call('UNLINK', leavingContacts)
if redis.call('EXISTS', contacts) == 1 then
  redis.call('RENAME', contacts, leavingContacts)
end
redis.call('UNLINK', migrating, unpack(KEYS, 6))
return 'stored'
