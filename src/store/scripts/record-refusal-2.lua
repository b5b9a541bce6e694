--[[
  record-refusal: record that a request was refused, so that it is refused also when it is delivered again.

  KEYS[1]  done:{phone}:…  the record of what was done
  KEYS[2]  done:{phone}:…  the record of what was refused; the same key where the request has no Correlation Data
  ARGV[1]  KEYS[1] as it was read; "" where there was none
  ARGV[2]  KEYS[2] as it was read; "" where there was none
  ARGV[3]  the record to keep in KEYS[2]
  ARGV[4]  seconds for which it is kept

  Returns  "stored"  recorded
           "done"    another worker has decided the request meanwhile; nothing written

  Repeatable: a second run finds the record. Called by src/store/idempotency-records.ts
]]
local done, refused = KEYS[1], KEYS[2]
local doneRead, refusedRead, record, seconds = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local found = redis.call('GET', refused) or ''
local isDecided = found ~= refusedRead or (redis.call('GET', done) or '') ~= doneRead
if found ~= record and isDecided then
  return 'done'
end
redis.call('SET', refused, record, 'EX', seconds)
return 'stored'
