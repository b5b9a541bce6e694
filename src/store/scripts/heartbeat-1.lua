--[[
  heartbeat: note that a worker lives.

  KEYS[1]  workers  sorted set; the client ids of the workers, the score the time of the last heartbeat
  ARGV[1]  the worker's client id

  Returns  "stored"  noted, by the clock of Redis

  Repeatable: a second run notes a later time. Called by src/failover/worker-registry.ts
]]
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], time[1] * 1000 + math.floor(time[2] / 1000), ARGV[1])
return 'stored'
