--[[
  note-redelivery: keep what a request turned out to be when it was read.

  KEYS[1]  redelivery:<digest>  hash; of a request that was begun
  ARGV[1]  the phone that it names, in digits
  ARGV[2]  its kind

  Returns  "stored"     noted
           "not_found"  it has ended meanwhile; nothing written

  Repeatable: a second run writes the same. Called by src/store/poison.ts
]]
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 'not_found'
end
redis.call('HSET', KEYS[1], 'phone', ARGV[1], 'kind', ARGV[2])
return 'stored'
