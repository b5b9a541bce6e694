--[[
  record-refusal: record that a request was refused, so that it is refused also when it is delivered again.

  KEYS[1]  done:{phone}:…  hash; the record of what was done
  KEYS[2]  done:{phone}:…  hash; the record of what was refused
  ARGV[1]  the field of KEYS[1]
  ARGV[2]  the field of KEYS[2]; the same record where the request has no Correlation Data
  ARGV[3]  the first record as it was read; "" where there was none
  ARGV[4]  the second as it was read; "" where there was none
  ARGV[5]  the record to keep as the second
  ARGV[6]  seconds for which it is kept

  Returns  "stored"  recorded
           "done"    another worker has decided the request meanwhile; nothing written

  Repeatable: a second run finds the record. Called by src/store/idempotency-records.ts
]]
local done, refused, doneField, refusedField = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local doneRead, refusedRead, record, seconds = ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local found = readRecord(refused, refusedField)
local isDecided = found ~= refusedRead or readRecord(done, doneField) ~= doneRead
if found ~= record and isDecided then
  return 'done'
end
keepRecord(refused, refusedField, record, seconds)
return 'stored'
