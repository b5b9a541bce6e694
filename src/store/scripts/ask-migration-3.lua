--[[
  ask-migration: remember which phone asks to move to this one.

  KEYS[1]  migration:{new}  hash; the migration that waits to be confirmed
  KEYS[2]  done:{new}:…     the record that the request is done, "migration <old phone>"
  KEYS[3]  profile:{new}    hash; `version` names the state
  ARGV[1]  the old phone
  ARGV[2]  seconds for which KEYS[1] is kept
  ARGV[3]  seconds for which KEYS[2] is kept
  ARGV[4]  version of KEYS[3] that was read; "" where there was no profile

  Returns  "stored"   remembered, in the place of an earlier one
           "busy"     a migration to this phone is being carried out; nothing written
           "changed"  another version of the profile is stored; nothing written

  Repeatable: a second run writes the same, or finds the profile changed and writes nothing more. Called by src/store/migrations.ts
]]
local migration, done, profile = KEYS[1], KEYS[2], KEYS[3]
local old, seconds, doneSeconds, read = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if redis.call('HGET', migration, 'claim') then
  return 'busy'
end
if (redis.call('HGET', profile, 'version') or '') ~= read then
  return 'changed'
end
redis.call('HSET', migration, 'from', old)
redis.call('EXPIRE', migration, seconds)
redis.call('SET', done, 'migration ' .. old, 'EX', doneSeconds)
return 'stored'
