--[[
  release-migration: give up carrying out a migration. What waits there stays; whether it still counts its old phone knows.

  KEYS[1]  migration:{new}            hash; the migration that was claimed
  KEYS[2]  arriving:{new}:…           hash; the copy of the profile, made in vain
  KEYS[3]  arriving:{new}:…:contacts  hash; the same
  ARGV[1]  name of the claim
  ARGV[2]  seconds for which what waits there is kept

  Returns  "stored"   nobody has it in hand
           "changed"  another has it in hand by now, or it is gone; nothing written

  Repeatable: a second run after "stored" finds nothing to do and says "changed". Called by src/store/migrations.ts
]]
local migration = KEYS[1]
local claim, seconds = ARGV[1], ARGV[2]

if redis.call('HGET', migration, 'claim') ~= claim then
  return 'changed'
end
redis.call('UNLINK', KEYS[2], KEYS[3])
redis.call('HDEL', migration, 'claim')
redis.call('EXPIRE', migration, seconds)
return 'stored'
