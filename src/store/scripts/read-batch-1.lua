--[[
  read-batch: read what many requests need, all of it as one state.

  KEYS[1…] the keys to read; on a Cluster one of them, as they lie on several servers
  ARGV[1]  for each key a letter: "s" session:<client>, "p" profile:{phone}, "d" done:{phone}:…
  ARGV[2…] for each "d" its field

  Returns  a list with a string for each key; nil where there is none, 0 where the key holds something else, the bytes of a
           profile that is so large that it is cheaper to read it without a script
             s  "<phone> <token>", the token empty if there is none
             p  the lengths of seven fields as 32-bit integers, then the fields; a missing one has the length 0
             d  the record, with the two bytes before it

  Repeatable: it writes nothing. Called by src/store/redis/script-commands.ts
]]
local kinds, fields, field = ARGV[1], { unpack(ARGV, 2) }, 0

-- Lua copies every byte several times, 2 µs for a kilobyte.
local longestField = 16384

local readers = {
  s = function(key)
    local session = redis.pcall('HMGET', key, 'phone', 'token')
    if session.err then return 0 end
    return session[1] and session[1] .. ' ' .. (session[2] or '')
  end,
  p = function(key)
    local rosters = redis.pcall('HSTRLEN', key, 'rosters')
    if type(rosters) == 'table' then return 0 end
    local services, settings = redis.call('HSTRLEN', key, 'services'), redis.call('HSTRLEN', key, 'settings')
    if math.max(rosters, services, settings) > longestField then return rosters + services + settings end
    local f = redis.call('HMGET', key, 'version', 'update', 'services', 'rosters', 'settings', 'balance', 'presence')
    if not f[1] then return false end
    for i = 2, 7 do f[i] = f[i] or '' end
    return struct.pack('>I4I4I4I4I4I4I4', #f[1], #f[2], #f[3], #f[4], #f[5], #f[6], #f[7])
      .. f[1] .. f[2] .. f[3] .. f[4] .. f[5] .. f[6] .. f[7]
  end,
  d = function(key)
    field = field + 1
    local record = redis.pcall('HGET', key, fields[field])
    if type(record) == 'table' then return 0 end
    return record
  end,
}

local values = {}
for i = 1, #KEYS do
  values[i] = readers[kinds:sub(i, i)](KEYS[i])
end
return values
