--[[
  move-session: let a client's session belong to another phone, or to none.

  KEYS[1]  session:<client>  hash; `phone` in digits; `leaving`, marks with spaces around each
  ARGV[1]  the phone that it belongs to
  ARGV[2]  the phone that it belongs to from now on; "" deletes the session
  ARGV[3]  the mark that it must have; "" for none

  Returns  "stored"   done
           "changed"  the session belongs to another phone, is gone, or has not that mark; nothing written

  Repeatable: a second run after "stored" finds nothing to do and says "changed". Called by src/store/sessions.ts
]]
local session, old, new, mark = KEYS[1], ARGV[1], ARGV[2], ARGV[3]

local found = redis.call('HMGET', session, 'phone', 'leaving')
local isMarked = string.find(found[2] or '', ' ' .. mark .. ' ', 1, true)
if found[1] ~= old or mark ~= '' and not isMarked then
  return 'changed'
end
if new == '' then
  redis.call('DEL', session)
else
  redis.call('HSET', session, 'phone', new)
  redis.call('HDEL', session, 'leaving')
end
return 'stored'
