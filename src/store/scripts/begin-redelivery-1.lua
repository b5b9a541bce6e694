--[[
  begin-redelivery: note that a request which the broker delivers again is about to be handled.

  KEYS[1]  redelivery:<digest>  hash; how often it was begun, the name of the last time
  ARGV[1]  the name of this time, never used before
  ARGV[2]  "alone" if no other suspect is begun meanwhile
  ARGV[3]  seconds for which the count is kept
  ARGV[4]  1 to count it, 0 for a worker that stops

  Returns  "stored"    it may be handled
           "suspect"   it was begun once and did not end: it must be handled alone; nothing written
           "poisoned"  it was begun twice, also alone, and did not end
           "unread"    the same, and it was tried once more
           "silent"    the same, and its refusal did not end either

  Repeatable: a second run finds its own name and answers the same. Called by src/store/poison.ts
]]
local redelivery, name = KEYS[1], ARGV[1]
local count = tonumber(redis.call('HGET', redelivery, 'count') or 0)
if redis.call('HGET', redelivery, 'name') == name then
  count = count - 1
end
if count == 1 and ARGV[2] ~= 'alone' then
  return 'suspect'
end
if ARGV[4] == '1' then
  redis.call('HSET', redelivery, 'count', count + 1, 'name', name)
  redis.call('EXPIRE', redelivery, ARGV[3])
end
if count < 2 then
  return 'stored'
elseif count == 2 then
  return 'poisoned'
elseif count == 3 then
  return 'unread'
end
return 'silent'
