--[[
  read-gathered: read what many requests need, all of it as one state.

  KEYS[1…] the keys to read; on a Cluster one of them, as they lie on several servers
  ARGV[1]  for each key a letter: "s" session:<client>, "p" profile:{phone}, "d" done:{phone}:…

  Returns  a list with a string for each key; nil where there is none, 0 where the key holds something else
             s  "<phone> <token>", the token empty if there is none
             p  the lengths of seven fields as 32-bit integers, then the fields; a missing one has the length 0
             d  the record

  Repeatable: it writes nothing. Called by src/store/script-commands.ts
]]
local kinds = ARGV[1]

local function joined(format, fields)
  local lengths = {}
  for i = 1, #fields do
    fields[i] = fields[i] or ''
    lengths[i] = #fields[i]
  end
  return struct.pack(format, unpack(lengths)) .. table.concat(fields)
end

local readers = {
  s = function(key)
    local session = redis.pcall('HMGET', key, 'phone', 'token')
    if session.err then return 0 end
    return session[1] and session[1] .. ' ' .. (session[2] or '')
  end,
  p = function(key)
    local fields = redis.pcall('HMGET', key, 'version', 'update', 'services', 'rosters', 'settings', 'balance', 'presence')
    if fields.err then return 0 end
    return fields[1] and joined('>I4I4I4I4I4I4I4', fields)
  end,
  d = function(key)
    local record = redis.pcall('GET', key)
    if type(record) == 'table' then return 0 end
    return record
  end,
}

local values = {}
for i = 1, #KEYS do
  values[i] = readers[kinds:sub(i, i)](KEYS[i])
end
return values
