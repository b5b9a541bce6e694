--[[
  end-leaving: forget a profile that was put aside and is another phone's by now, and what went with it.

  KEYS[1]  leaving:{old}           hash; the profile that was put aside
  KEYS[2]  leaving:{old}:contacts  hash; its contacts
  KEYS[3…] verifications and credentials of the old phone
  ARGV[1]  the new phone

  Returns  "stored"   nothing of it is left
           "changed"  what is put aside there moves elsewhere, or nothing is; nothing written

  Repeatable: a second run after "stored" finds nothing to do and says "changed". Called by src/store/migrations.ts
]]
if redis.call('HGET', KEYS[1], 'to') ~= ARGV[1] then
  return 'changed'
end
redis.call('UNLINK', unpack(KEYS))
return 'stored'
