--[[
  unlock-credentials: all that waited for STS were answered; the next may ask.

  KEYS[1]  aws:{phone}:asking   the name of the one that asks
  KEYS[2]  aws:{phone}:waiting  hash; who waits
  ARGV[1]  the caller's name
  ARGV[2…] fields and values of KEYS[2] that were answered, if any; a client that has asked again since has another value

  Returns  "stored"  they wait no longer, and the caller no longer asks

  Repeatable: a second run finds nothing to do. Called by src/store/credentials.ts
]]
local asking, waiting = KEYS[1], KEYS[2]

for i = 2, #ARGV, 2 do
  if redis.call('HGET', waiting, ARGV[i]) == ARGV[i + 1] then
    redis.call('HDEL', waiting, ARGV[i])
  end
end
if redis.call('GET', asking) == ARGV[1] then
  redis.call('DEL', asking)
end
return 'stored'
