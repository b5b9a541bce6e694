--[[
  spend-rate: count requests of a client, over all workers, in a bucket that fills up again at a rate.

  KEYS[1]  rate:<client>  hash; `left`, the requests that it still may make, below 0 where workers let in more at once;
           `at`, when that was, in milliseconds of the clock of Redis
  ARGV[1]  how many requests
  ARGV[2]  how many may be made in a second
  ARGV[3]  how many at once; also how far below 0 the bucket goes

  Returns  "stored"  counted; `left` says what is left

  Repeatable: no; a second run counts them twice, which costs the client as much as it asked for. Called by src/store/rates.ts
]]
local bucket, count, rate, burst = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local found = redis.call('HMGET', bucket, 'left', 'at')
local left, at = tonumber(found[1]) or burst, tonumber(found[2]) or now
left = math.min(burst, left + math.max(0, now - at) * rate / 1000)
left = math.max(-burst, left - count)
redis.call('HSET', bucket, 'left', tostring(left), 'at', now)
redis.call('PEXPIRE', bucket, math.ceil(2 * burst / rate * 1000) + 1000)
return 'stored'
