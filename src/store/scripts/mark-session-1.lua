--[[
  mark-session: note that a client's session is to end, or to belong to another phone, with what the mark names.

  KEYS[1]  session:<client>  hash; `phone` in digits; `leaving`, a mark
  ARGV[1]  the phone that it belongs to
  ARGV[2]  the mark

  Returns  "stored"   marked, in the place of an earlier mark
           "changed"  the session belongs to another phone, or is gone; nothing written

  Repeatable: a second run writes the same. Called by src/store/sessions.ts
]]
if redis.call('HGET', KEYS[1], 'phone') ~= ARGV[1] then
  return 'changed'
end
redis.call('HSET', KEYS[1], 'leaving', ARGV[2])
return 'stored'
