--[[
  check-rights: find out whether Redis takes changes, and whether our user may do to a key all that requests do.

  KEYS[1]  rights:{<number>}  there only while this runs

  Returns  "stored"  it does, and it may; otherwise an error, with the command that the user may not run

  Repeatable: it leaves nothing. Called by src/store/redis/database.ts
]]
local key = KEYS[1]

-- Redis refuses a full memory only to the first change of a script. So that is one which needs memory: SET, not DEL.
local calls = {
  { 'SET', '1', 'PX', '60000' }, { 'DUMP' }, { 'RESTORE' }, { 'GET' }, { 'EXISTS' }, { 'EXPIRE', '60' }, { 'PEXPIRE', '60000' },
  { 'PERSIST' }, { 'PTTL' }, { 'RENAME', key }, { 'UNLINK' },
  { 'HSET', 'field', '1' }, { 'HSETNX', 'field', '1' }, { 'HGET', 'field' }, { 'HMGET', 'field' }, { 'HGETALL' },
  { 'HKEYS' }, { 'HLEN' }, { 'HEXISTS', 'field' }, { 'HSTRLEN', 'field' }, { 'HINCRBY', 'field', '1' },
  { 'HDEL', 'field' }, { 'DEL' },
  { 'ZADD', '1', 'member' }, { 'ZSCORE', 'member' }, { 'ZCARD' }, { 'ZCOUNT', '0', '0' }, { 'ZRANGE', '0', '0' },
  { 'ZRANGEBYSCORE', '0', '0' }, { 'ZREMRANGEBYSCORE', '0', '0' }, { 'ZREMRANGEBYRANK', '5', '5' },
  { 'ZREM', 'member' }, { 'DEL' },
  { 'RPUSH', 'item' }, { 'LLEN' }, { 'LINDEX', '0' }, { 'LRANGE', '0', '0' }, { 'LPOP' }, { 'DEL' },
  { 'SADD', 'member' }, { 'SMEMBERS' }, { 'SREM', 'member' }, { 'DEL' },
  { 'TIME' },
}

local dumped
for _, words in ipairs(calls) do
  if words[1] == 'RESTORE' then words = { 'RESTORE', '0', dumped, 'REPLACE' } end
  local answer = words[1] == 'TIME' and redis.pcall('TIME') or redis.pcall(words[1], key, unpack(words, 2))
  if words[1] == 'DUMP' then dumped = answer end
  local refusal = type(answer) == 'table' and answer.err
  if refusal then
    redis.pcall('DEL', key)
    -- Redis does not say which command it was.
    if refusal:find("can't run") or refusal:find('NOPERM') then
      refusal = "NOPERM the user may not run the '" .. words[1] .. "' command"
    end
    return redis.error_reply(refusal)
  end
end
return 'stored'
