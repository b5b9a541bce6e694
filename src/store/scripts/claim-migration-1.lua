--[[
  claim-migration: take the carrying out of a migration in hand; who had it in hand before has it no more.

  KEYS[1]  migration:{new}  hash; the old phones that ask to move there
  ARGV[1]  the old phone that is meant
  ARGV[2]  name of this claim, never used before

  Returns  "stored"   claimed, and kept until it is ended or released
           "changed"  another one is carried out, or its profile is the new phone's already, or none waits; nothing written

  Repeatable: a second run writes the same. Called by src/store/migrations.ts
]]
local migration = KEYS[1]
local old, claim = ARGV[1], ARGV[2]

local found = redis.call('HMGET', migration, 'from', 'claim', 'settled', old, 'more')
local isFrom, claimed, settled, listed, more = found[1] == old, found[2], found[3], found[4], found[5]
if settled or claimed and not isFrom or not (isFrom or listed or more) then
  return 'changed'
end
redis.call('HSET', migration, 'from', old, 'claim', claim)
redis.call('PERSIST', migration)
return 'stored'
