--[[
  end-sessions: note that the sessions of a phone that is being removed have ended, so that it may begin anew.

  KEYS[1]  removal:{phone}  hash; who is still to be notified

  Returns  "stored"     noted
           "not_found"  the removal has ended by now; nothing written

  Repeatable: a second run writes the same. Called by src/store/removals.ts
]]
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 'not_found'
end
redis.call('HSET', KEYS[1], 'ended', '1')
return 'stored'
