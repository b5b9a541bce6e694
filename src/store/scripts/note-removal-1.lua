--[[
  note-removal: note how far a removal has come.

  KEYS[1]  removal:{phone}  hash; who is still to be notified
  ARGV[1]  the mark of the removal
  ARGV[2]  "ended": the sessions of the phone have ended, so that it may begin anew;
           "answered": its clients have the answer, so that its contacts may be notified

  Returns  "stored"     noted
           "not_found"  that removal has ended by now; nothing written

  Repeatable: a second run writes the same. Called by src/store/removals.ts
]]
if redis.call('HGET', KEYS[1], 'mark') ~= ARGV[1] then
  return 'not_found'
end
redis.call('HSET', KEYS[1], ARGV[2], '1')
return 'stored'
