--[[
  end-pass: all contacts of a phone have heard of a removal, a move or an update: forget that they are to hear of it.

  KEYS[1]  removal:{phone}, migration:{phone} or profile:{phone}  hash
  ARGV[1]  its field that names what they have heard of
  ARGV[2]  that name
  ARGV[3]  "hash": forget all of KEYS[1]; "field": only the field

  Returns  "stored"   forgotten
           "changed"  the name is another by now, or there is none; nothing written

  Repeatable: a second run after "stored" says "changed". Called by src/store/fan-outs.ts
]]
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
  return 'changed'
end
if ARGV[3] == 'hash' then
  redis.call('UNLINK', KEYS[1])
else
  redis.call('HDEL', KEYS[1], ARGV[1])
end
return 'stored'
