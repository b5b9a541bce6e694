--[[
  release-migration: give up carrying out a migration.

  KEYS[1]  migration:{new}            hash; the migration that was claimed
  KEYS[2]  arriving:{new}:…           hash; the copy of the profile, made in vain
  KEYS[3]  arriving:{new}:…:contacts  hash; the same
  ARGV[1]  name of the claim
  ARGV[2]  seconds for which what waits there is kept
  ARGV[3]  "wait": it may be confirmed again; "forget": its old phone does not ask for it any more

  Returns  "stored"   nobody has it in hand
           "changed"  another has it in hand by now, or it is gone; nothing written

  Repeatable: a second run after "stored" finds nothing to do and says "changed". Called by src/store/migrations.ts
]]
local migration = KEYS[1]
local claim, seconds, mode = ARGV[1], ARGV[2], ARGV[3]

local found = redis.call('HMGET', migration, 'claim', 'from')
if found[1] ~= claim then
  return 'changed'
end
redis.call('UNLINK', KEYS[2], KEYS[3])
redis.call('HDEL', migration, 'claim')
if mode == 'forget' then
  redis.call('HDEL', migration, 'from', found[2])
end
redis.call('EXPIRE', migration, seconds)
return 'stored'
