--[[
  set-migration: remember to which phone this one asked last to move. This key decides; the list at the new phone is an index.

  KEYS[1]  profile:{old}       hash
  KEYS[2]  migration:{old}:to  the new phone
  ARGV[1]  the new phone
  ARGV[2]  seconds for which KEYS[2] is kept

  Returns  "stored"     remembered, in the place of an earlier one
           "not_found"  there is no profile to move, any more or yet; nothing written

  Repeatable: a second run writes the same. Called by src/store/proposals.ts
]]
local profile, migrating = KEYS[1], KEYS[2]
local new, seconds = ARGV[1], ARGV[2]

if redis.call('EXISTS', profile) == 0 then
  return 'not_found'
end
redis.call('SET', migrating, new, 'EX', seconds)
return 'stored'
