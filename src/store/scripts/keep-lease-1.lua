--[[
  keep-lease: extend a lease, or end it, for its holder only.

  KEYS[1]  the lease  string; the name of its holder
  ARGV[1]  the name of who asks
  ARGV[2]  milliseconds for which it holds from now on; 0 ends it

  Returns  "stored"   extended, or ended
           "changed"  the lease has lapsed, and may have another holder; nothing written

  Repeatable: a second run extends it again; after an end it says "changed". Called by src/store/leases.ts
]]
local lease, name, milliseconds = KEYS[1], ARGV[1], ARGV[2]

if redis.call('GET', lease) ~= name then
  return 'changed'
end
if milliseconds == '0' then
  redis.call('DEL', lease)
else
  redis.call('PEXPIRE', lease, milliseconds)
end
return 'stored'
