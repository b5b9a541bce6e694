--[[
  keep-confirmed: remember for some time that something was confirmed, and only the newest of such.

  KEYS[1]  confirmed:{tag}  sorted set; digests, the score the time in Unix milliseconds
  ARGV[1]  the digest to remember
  ARGV[2]  how many are remembered
  ARGV[3]  milliseconds for which each is

  Returns  "stored"  it is remembered

  Repeatable: a second run renews the time. Called by src/store/verifications.ts
]]
local confirmed, digest, most, window = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local now = unixMillis()
redis.call('ZADD', confirmed, now, digest)
redis.call('ZREMRANGEBYSCORE', confirmed, '-inf', now - window)
redis.call('ZREMRANGEBYRANK', confirmed, 0, -1 - most)
redis.call('PEXPIRE', confirmed, window)
return 'stored'
