--[[
  withdraw-proposal: take an old phone that asks for another phone by now off the list of this one.

  KEYS[1]  migration:{new}  hash; a field for each listed old phone; `from`, the last one; `claim` while a migration is
                            carried out
  ARGV[1]  the old phone
  ARGV[2]  name of its entry; one that asked again since has an entry of another name

  Returns  "stored"   it is not listed any more
           "changed"  its entry is gone, or has another name; nothing written

  Repeatable: a second run finds nothing to do and says "changed". Called by src/store/proposals.ts
]]
local migration = KEYS[1]
local old, name = ARGV[1], ARGV[2]

if redis.call('HGET', migration, old) ~= name then
  return 'changed'
end
redis.call('HDEL', migration, old)
if redis.call('HGET', migration, 'from') == old and redis.call('HEXISTS', migration, 'claim') == 0 then
  redis.call('HDEL', migration, 'from')
end
return 'stored'
