--[[
  keep-session: give a client a session, or the session that it has another token.

  KEYS[1]  session:<client>  hash; `phone` in digits, `token`, a SHA-256 in hex
  ARGV[1]  the phone that it belongs to
  ARGV[2]  the token's SHA-256 in hex
  ARGV[3]  "new" for a client without a session, "again" for one that has a session of this phone

  Returns  "stored"   done
           "changed"  the client has a session although it should be new, or none of this phone; nothing written

  Repeatable: "again" writes the same; "new" says "changed" the second time. Called by src/store/sessions.ts
]]
local session, phone, token, kind = KEYS[1], ARGV[1], ARGV[2], ARGV[3]

local found = redis.call('HGET', session, 'phone')
if kind == 'new' and found or kind == 'again' and found ~= phone then
  return 'changed'
end
redis.call('HSET', session, 'phone', phone, 'token', token)
return 'stored'
