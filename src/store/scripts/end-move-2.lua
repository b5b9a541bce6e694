--[[
  end-move: all of a migration is done.

  KEYS[1]  migration:{new}  hash; the migration that is confirmed
  KEYS[2]  done:{new}:…     the record that the request is done
  ARGV[1]  seconds for which KEYS[2] is kept

  Returns  "stored"  the migration is forgotten

  Repeatable: a second run writes the same. Called by src/store/migrations.ts
]]
redis.call('UNLINK', KEYS[1])
redis.call('SET', KEYS[2], 'ok', 'EX', ARGV[1])
return 'stored'
