--[[
  acquire-quota: take one of so many places in a sliding hour.

  KEYS[1]  limit:{tag}:…  sorted set; a member for each place taken, its score the time in Unix milliseconds
  ARGV[1]  what the place is for: the request's key, alike when the request is delivered again
  ARGV[2]  the name of this place, never used before; it begins with ARGV[1]
  ARGV[3]  "again" if the request is delivered again: a place that it took before becomes this one
  ARGV[4]  milliseconds between two places
  ARGV[5]  how many places there are
  ARGV[6]  milliseconds for which a place stays taken

  Returns  "stored"             the place is taken
           "too_many_requests"  none is free; nothing written
           "taken"              the same, but a place has been taken for this request, which is not delivered again

  Repeatable: a second run finds its own place and says "stored". Called by src/store/quotas.ts
]]
local limit = KEYS[1]
local request, place, again = ARGV[1], ARGV[2], ARGV[3]
local apart, most, window = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])

local now = unixMillis()
redis.call('ZREMRANGEBYSCORE', limit, '-inf', now - window)
local places = redis.call('ZRANGE', limit, 0, -1, 'WITHSCORES')

local isTaken = false
for i = 1, #places, 2 do
  if places[i] == place then
    return 'stored'
  end
  if string.sub(places[i], 1, #request) == request then
    if again == 'again' then
      -- First added, then removed: an empty set would lose its expiry.
      redis.call('ZADD', limit, places[i + 1], place)
      redis.call('ZREM', limit, places[i])
      return 'stored'
    end
    isTaken = true
  end
end
local newest = #places > 0 and tonumber(places[#places]) or -math.huge
if #places / 2 >= most or now - newest < apart then
  if isTaken then
    return 'taken'
  end
  return 'too_many_requests'
end
redis.call('ZADD', limit, now, place)
redis.call('PEXPIRE', limit, window)
return 'stored'
