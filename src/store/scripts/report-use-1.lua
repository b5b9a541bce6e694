--[[
  report-use: charge what a worker let in to the token bucket that all workers share for a client (GCRA).

  KEYS[1]  rate:<client>  hash; `full`, when the bucket is full again, and `since`, when it was full last; `former`, the same
           two times of the period before, as `<since> <full>`, or empty; all in microseconds of the clock of Redis
  ARGV[1]  the cost: how long the bucket takes to refill what was taken, in microseconds
  ARGV[2]  how long ago the oldest of these requests came, in microseconds
  ARGV[3]  how far `full` may lie ahead, in microseconds: nobody owes more

  Returns  a number: how far `full` lies ahead, in microseconds; below 0 when the bucket is full

  A report that comes late charges as much as the same requests in order: it may fill the gap between two periods, which are
  one then. Reports of a client above its rate leave no more than one gap, as measured; what lies before is forgotten.

  Repeatable: no; a second run charges twice. Called by src/store/rates.ts
]]
local bucket, cost, age, most = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local minute = 60000

local now = unixMicros()
local found = redis.call('HMGET', bucket, 'since', 'full', 'former')
local formerSince, formerFull = string.match(found[3] or '', '^(%d+) (%d+)$')

local used = { { since = now - age, full = now - age + cost } }
local function add(since, full)
  if since and full then table.insert(used, { since = tonumber(since), full = tonumber(full) }) end
end
add(found[1], found[2])
add(formerSince, formerFull)
table.sort(used, function(a, b) return a.since < b.since end)

local former, last = nil, used[1]
for index = 2, #used do
  local since, full = used[index].since, used[index].full
  if since < last.full then
    last.full = last.full + full - since
  else
    former, last = last, used[index]
  end
end

local full = math.min(last.full, now + most)
local before = former and string.format('%.0f %.0f', former.since, former.full) or ''
redis.call('HSET', bucket, 'since', string.format('%.0f', last.since), 'full', string.format('%.0f', full), 'former', before)
-- Kept for a minute more, since a report may be about requests from before the bucket was full.
redis.call('PEXPIRE', bucket, math.max(0, math.ceil((full - now) / 1000)) + minute)
return full - now
