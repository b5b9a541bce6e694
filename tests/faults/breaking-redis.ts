import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { selfSignedCertificate } from '../../dev/servers/certificate.ts';
import { type RedisOptions, startRedis } from '../../dev/servers/redis.ts';
import { eventually } from '../harness/eventually.ts';
import { type Break, password, rights, type System, user } from './system.ts';
import { gets, sets, traffic } from './traffic.ts';

/** A change of the configuration, while phones set something. */
const configured =
  (name: string, broken: string, whole: string): Break =>
  async (system) => {
    const { redis } = system;
    await redis.config('SET', name, broken);
    const stop = await traffic(system, sets);
    return {
      async mend() {
        await redis.config('SET', name, whole);
        await stop();
      },
    };
  };

/** The rights of the worker's user, which log in again. */
async function setUser({ redis }: System, ...words: readonly string[]): Promise<void> {
  await redis.acl('SETUSER', user, ...words);
  await redis.client('KILL', 'USER', user).catch(() => undefined);
}

const restored = (system: System) => () =>
  setUser(system, 'reset', 'on', `>${password}`, ...rights.split(' '));

/** A worker of its own on another Redis. @param urlOf - where it is taken to be. */
const onRedis =
  (options: RedisOptions, urlOf = (url: string) => url): Break =>
  async (system) => {
    const other = await startRedis(options);
    const scene = await system.another({ REDIS_URL: urlOf(other.url) });
    return { scene, mend: () => other.stop() };
  };

export const breakingRedis: Readonly<Record<string, Break>> = {
  'redis-away': async ({ harness }) => {
    await harness.redis.kill('SIGTERM');
    return { mend: () => harness.redis.restart() };
  },
  'redis-silent': async (system) => {
    const { redis } = system.harness;
    const stop = await traffic(system, gets);
    await redis.kill('SIGSTOP');
    return { mend: () => Promise.all([redis.kill('SIGCONT'), stop()]) };
  },
  'redis-password': async (system) => {
    await setUser(system, 'resetpass', '>another');
    return { mend: restored(system) };
  },
  'redis-no-password': onRedis({ extraConfig: 'requirepass secret' }),
  'redis-rights': async (system) => {
    await setUser(system, '-zadd');
    return { mend: restored(system) };
  },
  'redis-keys': async (system) => {
    await setUser(system, 'resetkeys', '~other:*');
    const stop = await traffic(system, sets);
    return { mend: () => Promise.all([stop(), restored(system)()]) };
  },
  'redis-database': onRedis({}, (url) => `${url}/99`),
  'redis-command': onRedis({ extraConfig: 'rename-command EVALSHA ""' }),
  'redis-tls-port': onRedis({ tls: { certificate: await selfSignedCertificate() } }, (url) =>
    url.replace('rediss:', 'redis:'),
  ),
  'redis-no-sentinel': onRedis({}, (url) => `${url.replace('redis:', 'redis+sentinel:')}/main`),
  'redis-replica': async (system) => {
    await system.redis.replicaof('127.0.0.1', 1);
    const stop = await traffic(system, sets);
    return { mend: () => Promise.all([stop(), system.redis.replicaof('NO', 'ONE')]) };
  },
  'redis-full': configured('maxmemory', '1', '0'),
  'redis-evicts': configured('maxmemory-policy', 'allkeys-lru', 'noeviction'),
  'redis-few-replicas': configured('min-replicas-to-write', '1', '0'),
  'redis-disk': async (system) => {
    const { redis, harness } = system;
    // It writes another file first, and renames that to this name.
    const file = join(harness.redis.folder, 'dump.rdb');
    await rename(file, `${file}.kept`).catch(() => undefined);
    await mkdir(join(file, 'in-the-way'), { recursive: true });
    const status = async () => /rdb_last_bgsave_status:(\w+)/.exec(await redis.info('persistence'))?.[1];
    const saved = (what: string) => async () => {
      await redis.bgsave().catch(() => undefined);
      return (await status()) === what;
    };
    await eventually('Redis cannot save', saved('err'));
    const stop = await traffic(system, sets);
    return {
      async mend() {
        await rm(file, { recursive: true });
        await eventually('Redis can save', saved('ok'));
        await stop();
      },
    };
  },
  'redis-busy': async (system) => {
    const { redis } = system;
    const script = redis.duplicate();
    script.on('error', () => undefined);
    const endless = script.eval('while true do end', 0).catch(() => undefined);
    const stop = await traffic(system, sets);
    return {
      async mend() {
        await redis.call('SCRIPT', 'KILL');
        await endless;
        script.disconnect();
        await stop();
      },
    };
  },
  'redis-clients': async (system) => {
    const { redis } = system;
    await redis.config('SET', 'maxclients', '1');
    await redis.client('KILL', 'USER', user).catch(() => undefined);
    return { mend: () => redis.config('SET', 'maxclients', '10000') };
  },
  'redis-cluster-node': async (system) => {
    const other = await startRedis({ extraConfig: 'cluster-enabled yes' });
    const node = new Redis(other.url);
    await node.cluster('ADDSLOTSRANGE', 0, 16_383);
    node.disconnect();
    const scene = await system.another({ REDIS_URL: other.url });
    const stop = await traffic(system, sets);
    return { scene, mend: () => Promise.all([stop(), other.stop()]) };
  },
  'redis-record': async (system) => {
    const { redis, phones } = system;
    const key = `profile:{${phones[0]?.number}}`;
    await redis.set(key, 'something else');
    const stop = await traffic(system, gets);
    return { mend: () => Promise.all([redis.del(key), stop()]) };
  },
  'redis-slow': async (system) => {
    const { relay, scene } = await system.anotherBehind('redis');
    const stop = await traffic(system, gets);
    let isSlow = true;
    const slowing = (async () => {
      while (isSlow) {
        relay.hold();
        await sleep(400);
        relay.release();
        await sleep(20);
      }
    })();
    return {
      scene,
      async mend() {
        isSlow = false;
        await slowing;
        await stop();
      },
    };
  },
  'redis-certificate': async (system) => {
    const other = await startRedis({ tls: { certificate: await selfSignedCertificate() } });
    return { scene: await system.another({ REDIS_URL: other.url }), mend: () => other.stop() };
  },
  'redis-no-cluster': async (system) => {
    const others = await Promise.all([startRedis(), startRedis()]);
    const scene = await system.another({ REDIS_URL: others.map(({ url }) => url).join(',') });
    return { scene, mend: () => Promise.all(others.map((other) => other.stop())) };
  },
  'redis-sentinels': async (system) => ({
    scene: await system.another({ REDIS_URL: 'redis+sentinel://127.0.0.1:1,127.0.0.1:2/main' }),
    mend: async () => undefined,
  }),
};
