--[[
  prelude: functions for the other scripts. The loader puts it before each script that calls one of them.
]]

-- The time of Redis, in Unix microseconds.
local function unixMicros()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

-- The same in Unix milliseconds.
local function unixMillis()
  return math.floor(unixMicros() / 1000)
end

-- Compares the version of a profile with the one that was read, '' where there was no profile. Returns 'stored' if the new
-- version is there, so this run is a repetition; 'changed' if another one is there; nil if the script may write.
local function versionGuard(profile, read, new)
  local version = redis.call('HGET', profile, 'version') or ''
  if version == new then return 'stored' end
  if version ~= read then return 'changed' end
end

-- What became of a request: a field of done:{phone}:<two digits>, without the minute before it; '' where there is none.
local function readRecord(records, field)
  return string.sub(redis.call('HGET', records, field) or '', 3)
end

-- Keeps it for so many seconds at least, twice as long at most. The minute of a record tells when it may go; the whole hash
-- goes when nothing comes to it any more. Of records older than ten minutes the newest 16 stay: only what a worker left
-- unacknowledged when all were away comes again so late. A client may choose its Correlation Data so that all its records
-- come to one hash: the larger it is the less often it is looked through, and beyond `most` only the newest stay.
local function keepRecord(records, field, record, seconds)
  local minute = math.floor(unixMillis() / 60000) % 65536
  redis.call('HSET', records, field, struct.pack('>I2', minute) .. record)
  redis.call('EXPIRE', records, seconds)
  local count, most, every = redis.call('HLEN', records), 2048, 8
  while every * 16 < count do every = every * 2 end
  if count > 8 and count % every > 0 then return end
  local all, old, kept = redis.call('HGETALL', records), {}, count > most and most / 2 or 16
  for i = 1, #all, 2 do
    local age = (minute - struct.unpack('>I2', all[i + 1])) % 65536
    if age > 32767 then age = 0 end -- the clock has gone back since
    if age > seconds / 60 + 1 then
      redis.call('HDEL', records, all[i])
    elseif all[i] ~= field and (age > 11 or count > most) then
      old[#old + 1] = { age, all[i] }
    end
  end
  table.sort(old, function(one, other) return one[1] < other[1] end)
  for i = kept + 1, #old do redis.call('HDEL', records, old[i][2]) end
end
