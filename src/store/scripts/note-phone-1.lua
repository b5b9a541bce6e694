--[[
  note-phone: note that a phone has work to do.

  KEYS[1]  the queue  sorted set; phones, the score the time in Unix microseconds from which each is due
  ARGV[1]  the phone
  ARGV[2]  milliseconds from now until it is due
  ARGV[3]  phones that are kept at most

  Returns  "stored"  noted, and due no later than it was
           "busy"    the set is full; nothing written

  Each note changes the score, by which a worker sees that a note came while it worked.
  Repeatable: a second run writes the same phone. Called by src/store/work-queue.ts
]]
local list, phone, delay, most = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local due = unixMicros() + delay * 1000
local score = redis.call('ZSCORE', list, phone)
if not score and redis.call('ZCARD', list) >= most then
  return 'busy'
end
if score and tonumber(score) <= due then
  due = tonumber(score) + 1
end
redis.call('ZADD', list, string.format('%.0f', due), phone)
return 'stored'
