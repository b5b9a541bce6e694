--[[
  claim-migration: take the carrying out of a migration in hand; who had it in hand before has it no more.

  KEYS[1]  migration:{new}  hash; the migration that was confirmed
  ARGV[1]  the old phone
  ARGV[2]  name of this claim, never used before

  Returns  "stored"   claimed, and kept until it is ended or released
           "changed"  that migration is gone, or the profile is the new phone's already; nothing written

  Repeatable: a second run writes the same. Called by src/store/migrations.ts
]]
local migration = KEYS[1]
local old, claim = ARGV[1], ARGV[2]

if redis.call('HGET', migration, 'from') ~= old or redis.call('HGET', migration, 'settled') then
  return 'changed'
end
redis.call('HSET', migration, 'claim', claim)
redis.call('PERSIST', migration)
return 'stored'
