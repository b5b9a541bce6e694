--[[
  keep-credentials: keep what STS answered, if the caller still has the turn.

  KEYS[1]  aws:{phone}         sealed credentials
  KEYS[2]  aws:{phone}:asking  the name of the one that asks; gone when the phone was removed meanwhile
  ARGV[1]  the caller's name
  ARGV[2]  the sealed credentials
  ARGV[3]  milliseconds for which they are kept

  Returns  "stored"   they are kept
           "changed"  the caller no longer has the turn; nothing written

  Repeatable: a second run writes the same. Called by src/store/credentials.ts
]]
local credentials, asking = KEYS[1], KEYS[2]
local name, sealed, milliseconds = ARGV[1], ARGV[2], ARGV[3]

if redis.call('GET', asking) ~= name then
  return 'changed'
end
redis.call('SET', credentials, sealed, 'PX', milliseconds)
return 'stored'
