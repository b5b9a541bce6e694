--[[
  begin-removal: take a profile and all that belongs to it away, keeping only what is needed to tell others.

  KEYS[1]  profile:{phone}  hash
  KEYS[2]  removal:{phone}  hash; who is still to be notified
  KEYS[3]  done:{phone}:…   hash; the record that the request is done
  KEYS[4]  migration:{phone}  hash; a migration to the phone; deleted
  KEYS[5]  sessions:{phone}  set; the clients with a session of the phone
  KEYS[6…] contacts, verifications and credentials of the phone; deleted
  ARGV[1]  the client ids of the phone's active sessions, as JSON
  ARGV[2]  the record as it was read; "" where there was none
  ARGV[3]  the record to keep
  ARGV[4]  seconds for which it is kept
  ARGV[5]  seconds for which KEYS[2] is kept
  ARGV[6]  the mark of those sessions
  ARGV[7]  fields of the contacts that are not notified, as JSON
  ARGV[8]  version of KEYS[1] that they were read of
  ARGV[9]  the field of the record in KEYS[3]
  ARGV[10] the key of the request, by which it is known when its record has lapsed

  Returns  "stored"     the profile is gone, KEYS[2] tells whom to tell
           "done"       another worker did this request meanwhile; nothing written
           "not_found"  no such profile; nothing written
           "busy"       a profile just moves to the phone, or contacts are to hear of an earlier removal; nothing written
           "changed"    a client has a session of the phone that ARGV[1] does not name; nothing written

  Repeatable: a second run finds the record and says "stored". Called by src/store/removals.ts
]]
local profile, removal, done, migration, sessions = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local clients, doneRead, record, doneSeconds, removalSeconds = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local mark, silent, read, doneField, request = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]

local found = readRecord(done, doneField)
if found == record then return 'stored' end
if found ~= doneRead then return 'done' end
local version = redis.call('HGET', profile, 'version')
if not version then return 'not_found' end
if version ~= read then return 'changed' end
if redis.call('HGET', migration, 'claim') or redis.call('HGET', removal, 'answered') then return 'busy' end
local isNamed = {}
for _, client in ipairs(cjson.decode(clients)) do
  isNamed[client] = true
end
for _, client in ipairs(redis.call('SMEMBERS', sessions)) do
  if not isNamed[client] then
    return 'changed'
  end
end
redis.call('DEL', removal)
local outlines = redis.call('HGET', profile, 'outlines') or ''
redis.call('HSET', removal, 'clients', clients, 'mark', mark, 'silent', silent, 'outlines', outlines, 'request', request)
redis.call('EXPIRE', removal, removalSeconds)
redis.call('UNLINK', profile, migration, unpack(KEYS, 6))
keepRecord(done, doneField, record, doneSeconds)
return 'stored'
