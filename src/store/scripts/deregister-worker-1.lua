--[[
  deregister-worker: forget a worker that is dead, unless it has come back.

  KEYS[1]  workers:…  sorted set; the client ids of the workers, the score the time of the last heartbeat
  ARGV[1]  the worker's client id
  ARGV[2]  milliseconds without a heartbeat after which it counts as dead

  Returns  "stored"   forgotten
           "changed"  it lives again; nothing written

  Repeatable: a second run finds it gone. Called by src/failover/worker-registry.ts
]]
local now = unixMillis()
local beat = redis.call('ZSCORE', KEYS[1], ARGV[1])
if beat and now - tonumber(beat) < tonumber(ARGV[2]) then
  return 'changed'
end
redis.call('ZREM', KEYS[1], ARGV[1])
return 'stored'
