--[[
  ask-migration: remember which phone asks to move to this one.

  KEYS[1]  migration:{new}  hash; the migration that waits to be confirmed
  KEYS[2]  done:{new}:…     the record that the request is done
  ARGV[1]  the old phone
  ARGV[2]  seconds for which KEYS[1] is kept
  ARGV[3]  seconds for which KEYS[2] is kept

  Returns  "stored"   remembered, in the place of an earlier one
           "changed"  a migration to this phone is being carried out; nothing written

  Repeatable: a second run writes the same. Called by src/store/migrations.ts
]]
local migration, done = KEYS[1], KEYS[2]
local old, seconds, doneSeconds = ARGV[1], ARGV[2], ARGV[3]

if redis.call('HGET', migration, 'claim') then
  return 'changed'
end
redis.call('HSET', migration, 'from', old)
redis.call('EXPIRE', migration, seconds)
redis.call('SET', done, 'migration', 'EX', doneSeconds)
return 'stored'
