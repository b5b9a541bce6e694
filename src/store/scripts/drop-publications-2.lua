--[[
  drop-publications: keep no longer what a broker has been sent.

  KEYS[1]  outbox:<broker>          list; publications, oldest first, each with a name in front
  KEYS[2]  {outbox:<broker>}:bytes  how many bytes are in KEYS[1]
  ARGV[1]  the names of those that were sent, as JSON; others may have dropped some of them

  Returns  "stored"  none of them is left among the oldest

  Repeatable: a second run finds other names. Called by src/store/outbox.ts
]]
local outbox, bytes = KEYS[1], KEYS[2]

local isSent = {}
for _, name in ipairs(cjson.decode(ARGV[1])) do
  isSent[name] = true
end
local dropped = 0
while true do
  local oldest = redis.call('LINDEX', outbox, 0)
  if not oldest or not isSent[oldest:match('^%S+')] then break end
  redis.call('LPOP', outbox)
  dropped = dropped + #oldest
end
local left = (tonumber(redis.call('GET', bytes)) or 0) - dropped
if left <= 0 or redis.call('EXISTS', outbox) == 0 then
  redis.call('DEL', bytes)
else
  redis.call('SET', bytes, left, 'KEEPTTL')
end
return 'stored'
