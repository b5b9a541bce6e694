--[[
  mark-session: note that a client's session is to end, or to belong to another phone, with what the mark names.

  KEYS[1]  session:<client>  hash; `phone` in digits; `leaving`, marks with spaces around each
  ARGV[1]  the phone that it belongs to
  ARGV[2]  the mark, without a space

  Returns  "stored"   marked, beside earlier marks: two requests may be about to do the same, and one of them will
           "changed"  the session belongs to another phone, or is gone; nothing written

  Repeatable: a second run writes the same. Called by src/store/sessions.ts
]]
if redis.call('HGET', KEYS[1], 'phone') ~= ARGV[1] then
  return 'changed'
end
local marks = redis.call('HGET', KEYS[1], 'leaving') or ' '
local mark = ' ' .. ARGV[2] .. ' '
if string.find(marks, mark, 1, true) then
  return 'stored'
end
-- Those of requests that were refused stay; what is old is forgotten.
if #marks > 400 then
  marks = ' '
end
redis.call('HSET', KEYS[1], 'leaving', marks .. string.sub(mark, 2))
return 'stored'
