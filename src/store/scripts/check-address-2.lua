--[[
  check-address: say whether a phone may still try codes for an address, and whether it has confirmed it before.

  KEYS[1]  limit:{phone}:tries:…  sorted set; a member for each wrong code, its score the time in Unix milliseconds
  KEYS[2]  confirmed:{phone}      sorted set; digests of addresses, the score the time in Unix milliseconds
  ARGV[1]  wrong codes after which no other is tried
  ARGV[2]  milliseconds for which a wrong code counts
  ARGV[3]  digest of the address
  ARGV[4]  milliseconds for which it counts that it was confirmed

  Returns  "too_many_requests"  no code would be taken
           "yours"              the phone has confirmed the address before
           "not_found"          it has not

  Repeatable: it writes nothing. Called by src/store/verifications.ts
]]
local tries, confirmed = KEYS[1], KEYS[2]
local most, triesWindow, digest, window = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])

local now = unixMillis()
if redis.call('ZCOUNT', tries, '(' .. now - triesWindow, '+inf') >= most then
  return 'too_many_requests'
end
local at = redis.call('ZSCORE', confirmed, digest)
if at and tonumber(at) > now - window then
  return 'yours'
end
return 'not_found'
