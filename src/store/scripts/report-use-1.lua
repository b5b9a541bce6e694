--[[
  report-use: charge what a worker let in to the token bucket that all workers share for a client (GCRA).

  KEYS[1]  rate:<client>  hash; `full`, when the bucket is full again, and `since`, when it was full last; both in
           microseconds of the clock of Redis
  ARGV[1]  the cost: how long the bucket takes to refill what was taken, in microseconds
  ARGV[2]  how long ago the oldest of these requests came, in microseconds
  ARGV[3]  how far `full` may lie ahead, in microseconds: nobody owes more

  Returns  a number: how far `full` lies ahead, in microseconds; below 0 when the bucket is full

  A report that comes late never charges more than the same requests in order. What came before `since` may have been
  refilled by then, so only the part that reaches beyond `full` is charged.

  Repeatable: no; a second run charges twice. Called by src/store/rates.ts
]]
local bucket, cost, age, most = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local minute = 60000

local now = unixMicros()
local oldest = now - age
local found = redis.call('HMGET', bucket, 'since', 'full')
local since, full = tonumber(found[1]), tonumber(found[2])
if not full or full <= oldest then
  since, full = oldest, oldest + cost
elseif oldest >= since then
  full = full + cost
elseif oldest + cost > since then
  since, full = oldest, full + cost - (since - oldest)
end
full = math.min(full, now + most)
redis.call('HSET', bucket, 'since', string.format('%.0f', since), 'full', string.format('%.0f', full))
-- Kept for a minute more, since a report may be about requests from before the bucket was full.
redis.call('PEXPIRE', bucket, math.max(0, math.ceil((full - now) / 1000)) + minute)
return full - now
