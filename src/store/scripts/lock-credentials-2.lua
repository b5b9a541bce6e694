--[[
  lock-credentials: become the one that asks STS for a phone, or wait for the one that does.

  KEYS[1]  aws:{phone}:asking   the name of the one that asks; lapses if it dies
  KEYS[2]  aws:{phone}:waiting  hash; for each client that waits the request, and where it wants its answer
  ARGV[1]  the caller's name, never used before
  ARGV[2]  milliseconds after which the one that asks counts as dead, from the last time it said that it asks
  ARGV[3]  "ask": only try; "join": wait if another asks; "wait": see whether the wait is over
  ARGV[4]  the client whose request it is
  ARGV[5]  where it wants the answer, with the caller's name in it
  ARGV[6]  how many clients may wait

  Returns  "yours"     the caller is the one that asks, and waits no longer
           "asked"     another asks; after "join" the caller waits, and no earlier request of the client does
           "answered"  the caller waited, and was answered, or the client has asked again
           "full"      another asks, and too many wait; nothing written

  Repeatable: a second run finds the caller's name. Called by src/store/credentials.ts
]]
local asking, waiting = KEYS[1], KEYS[2]
local name, lapse, mode, client, entry, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6])

local isWaiting = redis.call('HGET', waiting, client) == entry
if mode == 'wait' and not isWaiting and redis.call('GET', asking) ~= name then
  return 'answered'
end
if redis.call('SET', asking, name, 'NX', 'PX', lapse) or redis.call('GET', asking) == name then
  redis.call('PEXPIRE', asking, lapse)
  if isWaiting then redis.call('HDEL', waiting, client) end
  return 'yours'
end
if mode == 'join' then
  if redis.call('HEXISTS', waiting, client) == 0 and redis.call('HLEN', waiting) >= most then
    return 'full'
  end
  redis.call('HSET', waiting, client, entry)
  redis.call('EXPIRE', waiting, 3600)
end
return 'asked'
