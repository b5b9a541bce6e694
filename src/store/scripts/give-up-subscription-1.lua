--[[
  give-up-subscription: say that a worker leaves a broker, and ask whether another one stays.

  KEYS[1]  subscriptions:…  sorted set; <broker>/<client id> of each confirmed subscription, the score the last heartbeat
  ARGV[1]  the broker, with a slash behind it
  ARGV[2]  the worker's client id
  ARGV[3]  milliseconds without a heartbeat after which another one no longer counts

  Returns  "stored"  another worker stays subscribed
           "last"    none does: the broker would drop what is published

  Repeatable: the second run finds the worker gone already. Called by src/failover/worker-registry.ts
]]
redis.call('ZREM', KEYS[1], ARGV[1] .. ARGV[2])
local since = unixMillis() - tonumber(ARGV[3])
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], since, '+inf')) do
  if string.sub(member, 1, #ARGV[1]) == ARGV[1] then return 'stored' end
end
return 'last'
