--[[
  confirm-email: try a code; if it is right, store the profile with the address verified.

  KEYS[1]  verify:{phone}   hash; for each address `<digest>:code`, `<digest>:expires`, `<digest>:tries`
  KEYS[2]  profile:{phone}  hash; `version` names the state
  KEYS[3]  done:{phone}:…   hash; the record that the request is done
  KEYS[4]  limit:{phone}:tries:…  sorted set; a member for each wrong code, its score the time in Unix milliseconds
  ARGV[1]  version that was read
  ARGV[2]  version of the new state, never used before
  ARGV[3]  digest of the address
  ARGV[4]  keyed hash of the code that was sent; hashes of one length, so that comparing them tells nothing of the code
  ARGV[5]  wrong tries after which the code is burnt
  ARGV[6]  wrong tries in KEYS[4] after which no code is taken
  ARGV[7]  milliseconds for which one counts there
  ARGV[8]  the services with the address verified, an ETF fragment
  ARGV[9]  the record as it was read; "" where there was none
  ARGV[10] seconds for which it is kept
  ARGV[11] the field of the record in KEYS[3]
  ARGV[12] the record of a wrong code, never used before
  ARGV[13] the record of a right one

  Returns  "stored"      right; the code is used up, the services are stored
           "wrong_code"  wrong, expired, burnt, used, never mailed, or KEYS[4] is full; a wrong try is counted
           "done"        another worker did this request meanwhile; nothing written
           "changed"     another version is stored; nothing written, nothing counted

  Repeatable: a second run finds the version or the record. Called by src/store/verifications.ts
]]
local verify, profile, done, limit = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local read, new, digest, code, mostTries = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local most, window, services, doneRead, doneSeconds = tonumber(ARGV[6]), ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local doneField, wrong, right = ARGV[11], ARGV[12], ARGV[13]

local guard = versionGuard(profile, read, new)
if guard == 'stored' then return 'stored' end
local record = readRecord(done, doneField)
if record == wrong then return 'wrong_code' end
if record ~= doneRead then return 'done' end
if guard == 'changed' then return 'changed' end

local names = { digest .. ':code', digest .. ':expires', digest .. ':tries' }
local kept, expires, tries = unpack(redis.call('HMGET', verify, unpack(names)))
local now = unixMillis()
redis.call('ZREMRANGEBYSCORE', limit, '-inf', now - window)
local isGood = kept and now < tonumber(expires) and tonumber(tries) < mostTries
local isOpen = isGood and redis.call('ZCARD', limit) < most
if not isOpen or kept ~= code then
  if isOpen then
    redis.call('HINCRBY', verify, names[3], 1)
    redis.call('ZADD', limit, now, new)
    redis.call('PEXPIRE', limit, window)
  end
  keepRecord(done, doneField, wrong, doneSeconds)
  return 'wrong_code'
end
redis.call('HDEL', verify, unpack(names))
redis.call('HSET', profile, 'version', new, 'services', services)
keepRecord(done, doneField, right, doneSeconds)
return 'stored'
