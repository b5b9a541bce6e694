--[[
  record-move: a migration is carried out and answered; only the contacts are still to be notified.

  KEYS[1]  migration:{new}  hash; the migration that was carried out
  KEYS[2]  done:{new}:…     hash; the record that the request is done
  ARGV[1]  name of the claim under which the profile moved
  ARGV[2]  the record to keep
  ARGV[3]  seconds for which it is kept
  ARGV[4]  its field in KEYS[2]

  Returns  "stored"  noted, unless the migration is another by now

  Repeatable: a second run writes the same. Called by src/store/migrations.ts
]]
if redis.call('HGET', KEYS[1], 'claim') == ARGV[1] then
  redis.call('HSET', KEYS[1], 'answered', '1')
end
keepRecord(KEYS[2], ARGV[4], ARGV[2], ARGV[3])
return 'stored'
