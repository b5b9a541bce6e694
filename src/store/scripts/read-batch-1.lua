--[[
  read-batch: read what many requests need, all of it as one state.

  KEYS[1…] the keys to read; on a Cluster one of them, as they lie on several servers
  ARGV[1]  for each key a letter: "s" session:<client>, "p" profile:{phone}, "d" done:{phone}:…, "l" any hash
  ARGV[2…] for each "d" and "l" its field

  Returns  a list with a string for each key; nil where there is none, 0 where the key holds something else, the bytes of a
           profile that is so large that it is cheaper to read it without a script
             s  "<phone> <token>", the token empty if there is none
             p  the lengths of seven fields as 32-bit integers, then the fields; a missing one has the length 0
             d  the record, with the two bytes before it
             l  the length of the field, a number

  Repeatable: it writes nothing. Called by src/store/redis/script-commands.ts
]]
local kinds, fields, field = ARGV[1], { unpack(ARGV, 2) }, 0
local call, pcall = redis.call, redis.pcall
local session, profile, length = ('s'):byte(), ('p'):byte(), ('l'):byte()

-- Lua copies every byte several times, 2 µs for a kilobyte.
local longestField = 16384

-- Every get passes here: names that are looked up, and functions in a table, were a twentieth of what it cost Redis.
local function readProfile(key)
  local rosters = pcall('HSTRLEN', key, 'rosters')
  if type(rosters) == 'table' then return 0 end
  local services, settings = call('HSTRLEN', key, 'services'), call('HSTRLEN', key, 'settings')
  if rosters > longestField or services > longestField or settings > longestField then
    return rosters + services + settings
  end
  local f = call('HMGET', key, 'version', 'update', 'services', 'rosters', 'settings', 'balance', 'presence')
  local a, b, c, d, e, g, h = f[1], f[2] or '', f[3] or '', f[4] or '', f[5] or '', f[6] or '', f[7] or ''
  return a and struct.pack('>I4I4I4I4I4I4I4', #a, #b, #c, #d, #e, #g, #h) .. a .. b .. c .. d .. e .. g .. h
end

local values = {}
for i, key in ipairs(KEYS) do
  local kind = kinds:byte(i)
  if kind == session then
    local words = pcall('HMGET', key, 'phone', 'token')
    values[i] = words.err and 0 or words[1] and words[1] .. ' ' .. (words[2] or '')
  elseif kind == profile then
    values[i] = readProfile(key)
  elseif kind == length then
    field = field + 1
    local bytes = pcall('HSTRLEN', key, fields[field])
    values[i] = type(bytes) == 'table' and 0 or bytes > 0 and bytes
  else
    field = field + 1
    local record = pcall('HGET', key, fields[field])
    values[i] = type(record) == 'table' and 0 or record
  end
end
return values
