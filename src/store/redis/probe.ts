import { createHash, randomBytes } from 'node:crypto';
import type { Database } from './database.ts';
import { type RedisFault, redisFaultOf } from './faults.ts';

/**
 * Tries on a Redis what a request needs of it, for `profilectl doctor`. What it writes is under a key of its own, which is deleted at the
 * end and expires in any case.
 */
export interface RedisProbe {
  /** Why a key cannot be written, read and deleted. */
  readonly write: Refusal | undefined;
  /** Why scripts cannot run. */
  readonly scripts: Refusal | undefined;
  /** Commands of the worker that its user may not run. */
  readonly denied: readonly string[];
  /** Commands that it does not have, because somebody has renamed them. */
  readonly absent: readonly string[];
  /** How far its clock is ahead of ours, in milliseconds; undefined if it does not say. */
  readonly clockAheadMs: number | undefined;
  /** `maxmemory-policy`; undefined if our user may not ask. */
  readonly evictionPolicy: string | undefined;
}

export interface Refusal {
  /** Undefined for an error that is none of Redis' known ones. */
  readonly fault: RedisFault | undefined;
  /** The command that our user may not run. */
  readonly command: string | undefined;
}

/**
 * A harmless form of each command that the worker and its scripts use, on a key that nobody else has.
 * `tests/unit/store/probe.test.ts` compares the list with the sources.
 */
export const probedCommands: Readonly<Record<string, readonly string[]>> = {
  // The first one lets the key expire, and the last two delete it.
  SET: ['KEY', '', 'PX', '60000'],
  GET: ['KEY'],
  EXISTS: ['KEY'],
  EXPIRE: ['KEY', '60'],
  PEXPIRE: ['KEY', '60000'],
  PERSIST: ['KEY'],
  PTTL: ['KEY'],
  TIME: [],
  HDEL: ['KEY', 'f'],
  HEXISTS: ['KEY', 'f'],
  HGET: ['KEY', 'f'],
  HGETALL: ['KEY'],
  HINCRBY: ['KEY', 'f', '1'],
  HKEYS: ['KEY'],
  HLEN: ['KEY'],
  HMGET: ['KEY', 'f'],
  HSET: ['KEY', 'f', ''],
  HSETNX: ['KEY', 'f', ''],
  HSTRLEN: ['KEY', 'f'],
  LINDEX: ['KEY', '0'],
  LLEN: ['KEY'],
  LPOP: ['KEY'],
  LRANGE: ['KEY', '0', '0'],
  RENAME: ['KEY', 'KEY'],
  RPUSH: ['KEY', ''],
  SADD: ['KEY', 'm'],
  SMEMBERS: ['KEY'],
  SREM: ['KEY', 'm'],
  ZADD: ['KEY', '0', 'm'],
  ZCARD: ['KEY'],
  ZCOUNT: ['KEY', '0', '0'],
  ZRANGE: ['KEY', '0', '0'],
  ZRANGEBYSCORE: ['KEY', '0', '0'],
  ZREM: ['KEY', 'm'],
  ZREMRANGEBYRANK: ['KEY', '0', '0'],
  ZREMRANGEBYSCORE: ['KEY', '0', '0'],
  ZSCORE: ['KEY', 'm'],
  DUMP: ['KEY'],
  RESTORE: ['KEY', '0', ''],
  UNLINK: ['KEY'],
  DEL: ['KEY'],
};

/** So many keys lie on all masters of a Cluster, very likely. */
const clusterKeys = 24;

/** @throws nothing: each refusal is a part of the result. The caller waits until Redis is connected, and bounds the time. */
export async function probeRedis(redis: Database): Promise<RedisProbe> {
  const keys = Array.from({ length: redis.isCluster ? clusterKeys : 1 }, () =>
    redis.keys.rate(`doctor-${randomBytes(8).toString('hex')}`),
  );
  // That key alone begins with a brace, so rights to keys by the prefix leave it out.
  const written = [...keys, redis.keys.outboxBytes(`doctor-${randomBytes(8).toString('hex')}`)];
  const [writes, scripts, clockAheadMs, evictionPolicy] = await Promise.all([
    Promise.all(written.map((key) => refusalOf(() => writeAndUndo(redis, key)))),
    Promise.all(keys.map((key) => runScript(redis, `${key}-script`))),
    clockOf(redis),
    policyOf(redis),
  ]);
  return {
    write: writes.find((refusal) => refusal !== undefined),
    scripts: scripts.find(({ refusal }) => refusal !== undefined)?.refusal,
    denied: [...new Set(scripts.flatMap(({ denied }) => denied))],
    absent: [...new Set(scripts.flatMap(({ absent }) => absent))],
    clockAheadMs,
    evictionPolicy,
  };
}

async function writeAndUndo({ connection }: Database, key: string): Promise<void> {
  await connection.set(key, 'doctor', 'PX', 60_000);
  await connection.get(key);
  await connection.unlink(key);
}

/** By its text and by its digest: the worker needs both. A node of a Cluster that is taken for a single server refuses two slots. */
async function runScript({ connection, isCluster }: Database, key: string) {
  const lua = probeScript();
  let [denied, absent]: readonly (readonly string[])[] = [];
  const refusal = await refusalOf(async () => {
    [denied, absent] = (await connection.eval(lua, 1, key)) as string[][];
    await connection.evalsha(createHash('sha1').update(lua).digest('hex'), 1, key);
    if (!isCluster) await connection.eval('return 1', 2, key, `${key}-other`);
  });
  return { denied: denied ?? [], absent: absent ?? [], refusal };
}

/** Only the rights are looked at: most of the commands fail because the key holds something else. */
function probeScript(): string {
  const tries = Object.entries(probedCommands).map(([command, words]) => {
    const args = words.map((word) => (word === 'KEY' ? 'KEYS[1]' : `'${word}'`));
    return `try(${[`'${command}'`, ...args].join(', ')})`;
  });
  return `
local denied, absent = {}, {}
local function try(command, ...)
  local answer = redis.pcall(command, ...)
  local text = type(answer) == 'table' and answer.err or ''
  if text:find('NOPERM') or text:find('ACL failure') or text:find("can't run this") then
    denied[#denied + 1] = command
  elseif text:lower():find('unknown redis command') then
    absent[#absent + 1] = command
  end
end
${tries.join('\n')}
return {denied, absent}`;
}

async function clockOf({ connection }: Database): Promise<number | undefined> {
  const asked = Date.now();
  try {
    const [seconds, micros] = await connection.time();
    const answered = Date.now();
    return Number(seconds) * 1000 + Number(micros) / 1000 - (asked + answered) / 2;
  } catch {
    return undefined;
  }
}

async function policyOf({ connection }: Database): Promise<string | undefined> {
  try {
    return /^maxmemory_policy:(\S+)/m.exec(await connection.info('memory'))?.[1];
  } catch {
    return undefined;
  }
}

async function refusalOf(work: () => Promise<void>): Promise<Refusal | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    const message = error instanceof Error ? error.message : '';
    const command = /^NOPERM .* the '([\w|]+)' command/.exec(message)?.[1]?.toUpperCase();
    return { fault: redisFaultOf(error), command };
  }
}
