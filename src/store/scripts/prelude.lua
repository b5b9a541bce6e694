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
