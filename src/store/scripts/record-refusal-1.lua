--[[
  record-refusal: note that a request was refused, so that it is refused also when it is delivered again.

  KEYS[1]  done:{phone}:…  the record of what became of the request
  ARGV[1]  KEYS[1] as it was read; "" where there was none
  ARGV[2]  the record to keep
  ARGV[3]  seconds for which it is kept

  Returns  "stored"  noted
           "done"    another worker has decided the request meanwhile; nothing written

  Repeatable: a second run finds the record. Called by src/store/idempotency-records.ts
]]
local found = redis.call('GET', KEYS[1]) or ''
if found ~= ARGV[2] and found ~= ARGV[1] then
  return 'done'
end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 'stored'
