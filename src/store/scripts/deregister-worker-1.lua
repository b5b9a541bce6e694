--[[
  deregister-worker: forget a worker that is dead, unless it has come back.

  KEYS[1]  workers:…  sorted set; the client ids of the workers, the score the time of the last heartbeat
  ARGV[1]  the worker's client id
  ARGV[2]  the last heartbeat that the caller knows of

  Returns  "stored"   forgotten
           "changed"  it has sent a heartbeat since; nothing written

  Repeatable: a second run finds it gone. Called by src/failover/worker-registry.ts
]]
local beat = redis.call('ZSCORE', KEYS[1], ARGV[1])
if beat and tonumber(beat) > tonumber(ARGV[2]) then
  return 'changed'
end
redis.call('ZREM', KEYS[1], ARGV[1])
return 'stored'
