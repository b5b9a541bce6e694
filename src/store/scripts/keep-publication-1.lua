--[[
  keep-publication: keep what a broker that is away is to be sent.

  KEYS[1]  outbox:<broker>  list; publications, oldest first
  ARGV[1]  the publication as text
  ARGV[2]  how many may be kept
  ARGV[3]  seconds for which all of them are kept from now on

  Returns  "stored"  kept
           "busy"    there are too many; nothing written

  Repeatable: a second run keeps it twice, and it is published twice. Called by src/store/outbox.ts
]]
local outbox = KEYS[1]
if redis.call('LLEN', outbox) >= tonumber(ARGV[2]) then
  return 'busy'
end
redis.call('RPUSH', outbox, ARGV[1])
redis.call('EXPIRE', outbox, ARGV[3])
return 'stored'
