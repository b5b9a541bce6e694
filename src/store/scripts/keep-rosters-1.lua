--[[
  keep-rosters: keep the rosters that a reader joined, for the readers after it.

  KEYS[1]  profile:{phone}  hash; `version` names the state
  ARGV[1]  version that the rosters were joined from
  ARGV[2]  the rosters with their contacts, an ETF fragment

  Returns  "stored"   kept
           "changed"  the profile is another by now; nothing written

  Repeatable: a second run writes the same. Called by src/store/whole-profiles.ts
]]
local profile = KEYS[1]

if versionGuard(profile, ARGV[1]) == 'changed' then return 'changed' end
redis.call('HSET', profile, 'rosters', ARGV[2])
return 'stored'
