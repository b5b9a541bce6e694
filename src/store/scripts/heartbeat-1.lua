--[[
  heartbeat: note that a worker lives.

  KEYS[1]  workers:…  sorted set; the client ids of the workers, the score the time of the last heartbeat
  ARGV[1]  the worker's client id

  Returns  "stored"  noted, by the clock of Redis

  Repeatable: a second run notes a later time. Called by src/failover/worker-registry.ts
]]
redis.call('ZADD', KEYS[1], unixMillis(), ARGV[1])
return 'stored'
