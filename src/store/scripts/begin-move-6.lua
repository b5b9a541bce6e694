--[[
  begin-move: put a profile aside that moves to another phone; nobody changes it from here on.

  KEYS[1]  profile:{old}           hash
  KEYS[2]  contacts:{old}          hash
  KEYS[3]  leaving:{old}           hash; the profile while it moves
  KEYS[4]  leaving:{old}:contacts  hash; its contacts while it moves
  KEYS[5]  migration:{old}:to      the phone that this one asked last to move to
  KEYS[6]  migration:{old}         hash; a migration to the old phone; forgotten
  ARGV[1]  the new phone
  ARGV[2]  name of the claim under which it moves

  Returns  "stored"     the profile is put aside for the new phone, under this claim
           "not_found"  there is no profile, or it does not want to move there; nothing written
           "busy"       another profile is just moving to the old phone, or this one elsewhere; nothing written

  Repeatable: a second run finds the profile put aside. Called by src/store/migrations.ts
]]
local profile, contacts, leaving, leavingContacts = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local migrating, migration = KEYS[5], KEYS[6]
local new, claim = ARGV[1], ARGV[2]

local to = redis.call('HGET', leaving, 'to')
if to == new then
  redis.call('HSET', leaving, 'claim', claim)
  return 'stored'
end
if redis.call('GET', migrating) ~= new or redis.call('EXISTS', profile) == 0 then
  return 'not_found'
end
if to or redis.call('HGET', migration, 'claim') then
  return 'busy'
end
redis.call('RENAME', profile, leaving)
redis.call('HSET', leaving, 'to', new, 'claim', claim)
if redis.call('EXISTS', contacts) == 1 then
  redis.call('RENAME', contacts, leavingContacts)
end
redis.call('UNLINK', migrating, migration)
return 'stored'
