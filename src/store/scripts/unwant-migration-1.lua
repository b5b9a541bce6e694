--[[
  unwant-migration: a wish to move was refused; the one before it counts again.

  KEYS[1]  migration:{old}:to  the phone that this one asked last to move to
  ARGV[1]  the phone of the refused wish
  ARGV[2]  the phone of the wish before it; "" if there was none
  ARGV[3]  seconds for which KEYS[1] is kept

  Returns  "stored"   the wish before it counts again
           "changed"  there is another wish by now, or the profile has moved; nothing written

  Repeatable: a second run finds another wish. Called by src/store/migrations.ts
]]
local migrating = KEYS[1]
local refused, before, seconds = ARGV[1], ARGV[2], ARGV[3]

if redis.call('GET', migrating) ~= refused then
  return 'changed'
end
if before == '' then
  redis.call('DEL', migrating)
else
  redis.call('SET', migrating, before, 'EX', seconds)
end
return 'stored'
