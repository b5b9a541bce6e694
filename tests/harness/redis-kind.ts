/** On which kind of Redis the system tests run: `TEST_REDIS=single|sentinel|cluster`; docs/contributing.md says how. */
import { Cluster, Redis } from 'ioredis';
import { startCluster } from '../../dev/servers/cluster.ts';
import type { Server } from '../../dev/servers/process.ts';
import { type RedisOptions, startRedis } from '../../dev/servers/redis.ts';
import { startSentinels } from '../../dev/servers/sentinel.ts';
import { parseRedisUrl } from '../../src/lib/redis-url.ts';

export const testRedisKinds = ['single', 'sentinel', 'cluster'] as const;

export type TestRedisKind = (typeof testRedisKinds)[number];

/** @throws Error when `TEST_REDIS` has another value. */
export function testRedisKind(value = process.env.TEST_REDIS): TestRedisKind {
  const kind = testRedisKinds.find((each) => each === (value || 'single'));
  if (kind === undefined) throw new Error(`TEST_REDIS is none of ${testRedisKinds.join(', ')}`);
  return kind;
}

/** Start the kind that `TEST_REDIS` names. A test that sets options of the server gets a single one. */
export async function startTestRedis(options?: RedisOptions): Promise<Server> {
  const kind = testRedisKind();
  if (kind === 'single' || options !== undefined) return startRedis(options);
  const servers = kind === 'sentinel' ? await startSentinels() : await startCluster();
  return asServer(servers.url, () => servers.stop());
}

/** Several servers have no process, port or log in common. A test that needs one of these is for a single Redis. */
function asServer(url: string, stop: () => Promise<void>): Server {
  const refuse = (): never => {
    throw new Error('this test needs a single Redis: run it without TEST_REDIS');
  };
  return {
    url,
    get port() {
      return refuse();
    },
    get folder() {
      return refuse();
    },
    get pid() {
      return refuse();
    },
    log: refuse,
    kill: refuse,
    restart: refuse,
    stop,
  };
}

/** Connect the test itself, by whichever URL. On a Cluster a command with several keys goes to each key's node. */
export function openTestRedis(url: string): Redis {
  const target = parseRedisUrl(url);
  if (typeof target === 'string') throw new Error(target);
  const options = { maxRetriesPerRequest: null };
  if (target.kind === 'cluster') return acrossNodes(new Cluster([...target.addresses]));
  if (target.kind === 'server' || target.masterName === undefined) return new Redis(url, options);
  return new Redis({ ...options, sentinels: [...target.addresses], name: target.masterName });
}

/** A Cluster with the commands of several keys that tests use, as a single server has them. */
function acrossNodes(cluster: Cluster): Redis {
  const sum = async (parts: readonly Promise<number>[]): Promise<number> =>
    (await Promise.all(parts)).reduce((total, part) => total + part, 0);
  const one = { del: cluster.del.bind(cluster), exists: cluster.exists.bind(cluster) };
  const several = {
    keys: async (pattern: string) =>
      (await Promise.all(cluster.nodes('master').map((node) => node.keys(pattern)))).flat(),
    del: (...keys: (string | string[])[]) => sum(keys.flat().map((key) => one.del(key))),
    exists: (...keys: (string | string[])[]) => sum(keys.flat().map((key) => one.exists(key))),
  };
  return Object.assign(cluster, several) as unknown as Redis;
}
