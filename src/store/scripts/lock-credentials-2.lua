--[[
  lock-credentials: become the one that asks STS for a phone, or wait for the one that does.

  KEYS[1]  aws:{phone}:asking   the name of the one that asks; lapses if it dies
  KEYS[2]  aws:{phone}:waiting  hash; who waits, and where it wants its answer
  ARGV[1]  the caller's name, never used before
  ARGV[2]  milliseconds after which the one that asks counts as dead, from the last time it said that it asks
  ARGV[3]  "ask": only try; "join": wait if another asks; "wait": see whether the wait is over
  ARGV[4]  where the caller wants its answer; for "join"

  Returns  "yours"     the caller is the one that asks, and waits no longer
           "asked"     another asks
           "answered"  the caller waited, and was answered

  Repeatable: a second run finds the caller's name. Called by src/store/credentials.ts
]]
local asking, waiting = KEYS[1], KEYS[2]
local name, lapse, mode, entry = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

if mode == 'wait' and redis.call('HEXISTS', waiting, name) == 0 and redis.call('GET', asking) ~= name then
  return 'answered'
end
if redis.call('SET', asking, name, 'NX', 'PX', lapse) or redis.call('GET', asking) == name then
  redis.call('PEXPIRE', asking, lapse)
  redis.call('HDEL', waiting, name)
  return 'yours'
end
if mode == 'join' then
  redis.call('HSET', waiting, name, entry)
  redis.call('EXPIRE', waiting, 3600)
end
return 'asked'
