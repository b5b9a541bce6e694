/** The three kinds of Redis that the program supports, and the faults of each. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type RedisCluster, startCluster } from '../../../dev/servers/cluster.ts';
import type { Server } from '../../../dev/servers/process.ts';
import { startRedis } from '../../../dev/servers/redis.ts';
import { startSentinels } from '../../../dev/servers/sentinel.ts';
import { eventually } from '../../harness/eventually.ts';
import { Relay } from '../../harness/relay.ts';
import type { Rng } from '../../harness/rng.ts';

export const redisKinds = ['single', 'sentinel', 'cluster'] as const;

export type RedisKind = (typeof redisKinds)[number];

/** A Redis that can be disturbed. */
export interface RedisUnderTest {
  /** `REDIS_URL` of the workers. */
  readonly workersUrl: string;
  /** For the test's own reads; never cut. */
  readonly url: string;
  /** The name of `disturb` in the output. */
  readonly disturbance: 'restartRedis' | 'failover';
  /** Cuts connections of workers. @returns what was done. */
  cut(rng: Rng): Promise<string>;
  /**
   * Kills a server.
   * @param settled - called once later confirmations are durable.
   * @returns what was done, once all is as before.
   */
  disturb(rng: Rng, settled: () => void): Promise<string>;
  stop(): Promise<void>;
}

export function startRedisUnderTest(kind: RedisKind): Promise<RedisUnderTest> {
  return { single, sentinel, cluster }[kind]();
}

/** One server that writes each change to disk before it confirms it: no confirmed change is ever lost. */
async function single(): Promise<RedisUnderTest> {
  const server = await startRedis({ appendonly: true });
  const relay = await Relay.start(server);
  return {
    workersUrl: relay.url,
    url: server.url,
    disturbance: 'restartRedis',
    cut: async (rng) => `${relay.cut((all) => rng.some(all, 0.5))} connections`,
    async disturb(rng) {
      const signal = rng.pick(['SIGKILL', 'SIGTERM'] as const);
      const awayMs = rng.below(4_000);
      await server.kill(signal);
      await sleep(awayMs);
      await server.restart();
      return `${signal}, away for ${awayMs} ms`;
    },
    async stop() {
      await relay.stop();
      await server.stop();
    },
  };
}

async function sentinel(): Promise<RedisUnderTest> {
  // A master that has lost both replicas stops confirming after two seconds; earlier confirmations may be lost.
  const sentinels = await startSentinels({ extraConfig: 'min-replicas-to-write 1\nmin-replicas-max-lag 2' });
  return {
    workersUrl: sentinels.url,
    url: sentinels.url,
    disturbance: 'failover',
    cut: async () => dropClients([await sentinels.master()]),
    async disturb(rng, settled) {
      const old = await sentinels.master();
      const how = await depose(old, rng, () => sentinels.switchOver());
      await eventually('a replica is the master', async () => (await sentinels.master()) !== old, 40_000);
      settled();
      await restartIfDead(old, rng);
      // Until then the Sentinels may promote a replica with old data.
      await eventually('both replicas follow', () => sentinels.isWhole(), 60_000);
      return how;
    },
    stop: () => sentinels.stop(),
  };
}

async function cluster(): Promise<RedisUnderTest> {
  const nodes = await startCluster();
  return {
    workersUrl: nodes.url,
    url: nodes.url,
    disturbance: 'failover',
    cut: async () => dropClients(await nodes.masters()),
    async disturb(rng, settled) {
      const masters = await nodes.masters();
      if (rng.is(0.3)) {
        settled();
        return moveSlots(nodes, masters, rng);
      }
      const old = rng.pick(masters);
      const how = await depose(old, rng, () => nodes.switchOver());
      const isDeposed = async () => {
        const now = await nodes.masters();
        return now.length === 3 && now.some((node) => !masters.includes(node));
      };
      await eventually('a replica is a master', isDeposed, 40_000);
      settled();
      await restartIfDead(old, rng);
      await eventually('the cluster is whole', () => nodes.isWhole(), 60_000);
      return how;
    },
    stop: () => nodes.stop(),
  };
}

/** Moves slots that have keys. */
async function moveSlots(nodes: RedisCluster, masters: readonly Server[], rng: Rng): Promise<string> {
  let moved = 0;
  for (let count = 0; count < 40; count++) {
    const [key] = await askOnce(rng.pick(masters), 'RANDOMKEY');
    if (typeof key !== 'string') continue;
    await nodes.moveSlot(key);
    moved++;
  }
  return `${moved} slots moved`;
}

/** Kills a master, or makes it hand over. */
async function depose(master: Server, rng: Rng, switchOver: () => Promise<void>): Promise<string> {
  if (rng.is(0.3)) {
    await switchOver();
    return 'handed over';
  }
  await master.kill('SIGKILL');
  return 'a master killed';
}

async function restartIfDead(server: Server, rng: Rng): Promise<void> {
  await sleep(rng.below(2_000));
  if (server.pid === undefined) await server.restart();
}

async function dropClients(servers: readonly Server[]): Promise<string> {
  for (const server of servers) await askOnce(server, 'CLIENT', 'KILL', 'TYPE', 'normal');
  return 'all connections';
}

/** @returns the answer, if there is one. */
async function askOnce({ port }: Server, command: string, ...words: string[]): Promise<unknown[]> {
  const connection = new Redis(port, '127.0.0.1', { maxRetriesPerRequest: 0, lazyConnect: true });
  connection.on('error', () => undefined); // The call fails.
  try {
    return [await connection.call(command, ...words)];
  } catch {
    return [];
  } finally {
    connection.disconnect();
  }
}
