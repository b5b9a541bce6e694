--[[
  settle-phone: take a phone whose work is done off its queue, or put it off; unless it was noted again meanwhile.

  KEYS[1]  the queue  sorted set; phones, the score the time in Unix microseconds from which each is due
  ARGV[1]  the phone
  ARGV[2]  the score that it was found with
  ARGV[3]  milliseconds from now until it is due again; 0 takes it off

  Returns  "stored"   taken off, or put off
           "changed"  another score, or no such phone; nothing written

  Repeatable: a second run says "changed". Called by src/store/work-queue.ts
]]
local list, phone, found, delay = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])

local score = redis.call('ZSCORE', list, phone)
if not score or tonumber(score) ~= tonumber(found) then
  return 'changed'
end
if delay == 0 then
  redis.call('ZREM', list, phone)
  return 'stored'
end
redis.call('ZADD', list, string.format('%.0f', unixMicros() + delay * 1000), phone)
return 'stored'
