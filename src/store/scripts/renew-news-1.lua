--[[
  renew-news: let the contacts of a phone hear its state once more.

  KEYS[1]  profile:{phone}  hash; `news` names what its contacts are to hear of
  ARGV[1]  a name that was never used before

  Returns  "stored"     noted
           "not_found"  no such profile; nothing written

  Repeatable: a second run writes the same. Called by src/store/fan-outs.ts
]]
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 'not_found'
end
redis.call('HSET', KEYS[1], 'news', ARGV[1])
return 'stored'
