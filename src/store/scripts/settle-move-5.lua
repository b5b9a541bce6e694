--[[
  settle-move: give a profile that was copied here to its new phone, if what stood there is still what was read.

  KEYS[1]  profile:{new}              hash; an empty one is replaced
  KEYS[2]  contacts:{new}             hash
  KEYS[3]  arriving:{new}:…           hash; the copy of the profile
  KEYS[4]  arriving:{new}:…:contacts  hash; the copy of its contacts, if it has any
  KEYS[5]  migration:{new}            hash; the migration that is being carried out
  ARGV[1]  name of the claim under which it moves
  ARGV[2]  version of KEYS[1] that was read; "" where there was no profile
  ARGV[3]  version of the new state, never used before
  ARGV[4]  `update` of the profile, Unix milliseconds

  Returns  "stored"   the profile is the new phone's
           "changed"  another version is stored, or another has the move in hand, or the copy is gone; nothing written

  Repeatable: a second run finds its own version. Called by src/store/migrations.ts
]]
local profile, contacts, arriving, arrivingContacts, migration = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local claim, read, new, update = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local guard = versionGuard(profile, read, new)
if guard == 'stored' then return 'stored' end
local held = redis.call('HGET', migration, 'claim')
if held ~= claim or redis.call('HGET', migration, 'settled') or redis.call('EXISTS', arriving) == 0 then
  if not held then
    redis.call('UNLINK', arriving, arrivingContacts)
  end
  return 'changed'
end
if guard == 'changed' then return 'changed' end
redis.call('RENAME', arriving, profile)
redis.call('PERSIST', profile)
redis.call('HDEL', profile, 'to', 'claim')
redis.call('HSET', profile, 'version', new, 'update', update)
redis.call('UNLINK', contacts)
if redis.call('EXISTS', arrivingContacts) == 1 then
  redis.call('RENAME', arrivingContacts, contacts)
  redis.call('PERSIST', contacts)
end
redis.call('HSET', migration, 'settled', '1')
return 'stored'
