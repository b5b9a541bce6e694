--[[
  move-session: let a client's session belong to another phone, or to none.

  KEYS[1]  session:<client>  hash; `phone` in digits
  ARGV[1]  the phone that it belongs to
  ARGV[2]  the phone that it belongs to from now on; "" deletes the session

  Returns  "stored"   done
           "changed"  the session belongs to another phone, or is gone; nothing written

  Repeatable: a second run after "stored" finds nothing to do and says "changed". Called by src/store/sessions.ts
]]
local session, old, new = KEYS[1], ARGV[1], ARGV[2]

if redis.call('HGET', session, 'phone') ~= old then
  return 'changed'
end
if new == '' then
  redis.call('DEL', session)
else
  redis.call('HSET', session, 'phone', new)
end
return 'stored'
