--[[
  note-subscriptions: note at which brokers a worker is subscribed.

  KEYS[1]  subscriptions:…  sorted set; <broker>/<client id> of each confirmed subscription, the score the last heartbeat
  ARGV[…]  pairs: <broker>/<client id>, and "1" if it is subscribed there, else "0"

  Returns  "stored"  noted, by the clock of Redis

  Repeatable: a second run notes a later time. Called by src/failover/worker-registry.ts
]]
local now = unixMillis()
for i = 1, #ARGV, 2 do
  if ARGV[i + 1] == '1' then
    redis.call('ZADD', KEYS[1], now, ARGV[i])
  else
    redis.call('ZREM', KEYS[1], ARGV[i])
  end
end
return 'stored'
