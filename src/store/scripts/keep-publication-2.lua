--[[
  keep-publication: keep what a broker that is away is to be sent.

  KEYS[1]  outbox:<broker>          list; publications, oldest first
  KEYS[2]  {outbox:<broker>}:bytes  how many bytes are in KEYS[1]
  ARGV[1]  the publication as text
  ARGV[2]  how many may be kept
  ARGV[3]  how many bytes may be kept
  ARGV[4]  seconds for which all of them are kept from now on

  Returns  "stored"  kept
           "busy"    there are too many, or too many bytes; nothing written

  Repeatable: a second run keeps it twice, and it is published twice. Called by src/store/outbox.ts
]]
local outbox, bytes = KEYS[1], KEYS[2]
local publication, most, mostBytes, seconds = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]

local count = redis.call('LLEN', outbox)
-- An empty outbox has no bytes, whatever a worker of another version has counted.
local next = (count > 0 and tonumber(redis.call('GET', bytes)) or 0) + #publication
if count >= most or next > mostBytes then
  return 'busy'
end
redis.call('RPUSH', outbox, publication)
redis.call('EXPIRE', outbox, seconds)
redis.call('SET', bytes, next, 'EX', seconds)
return 'stored'
