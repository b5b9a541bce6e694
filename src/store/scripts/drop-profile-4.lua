--[[
  drop-profile: take back a profile that was made for a phone that had just gone.

  KEYS[1]  profile:{phone}   hash; `version` names the state
  KEYS[2]  contacts:{phone}  hash
  KEYS[3]  verify:{phone}    hash; the codes that were mailed and not yet confirmed
  KEYS[4]  done:{phone}:…    hash; the record that the request is done
  ARGV[1]  version of the profile that was made
  ARGV[2]  the field of the record in KEYS[4]

  Returns  "stored"   nothing of it is left
           "changed"  another request has changed or removed it; nothing written

  Repeatable: a second run after "stored" finds no record either and says "stored". Called by src/store/profiles.ts
]]
if versionGuard(KEYS[1], ARGV[1]) == 'changed' then
  if redis.call('HEXISTS', KEYS[4], ARGV[2]) == 1 then return 'changed' end
  return 'stored'
end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
redis.call('HDEL', KEYS[4], ARGV[2])
return 'stored'
