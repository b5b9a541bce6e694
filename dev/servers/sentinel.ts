/** The real Redis with replicas, watched by real Sentinels. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { redisServer } from './installed.ts';
import { type Server, startServer } from './process.ts';
import { startRedis } from './redis.ts';

export interface SentinelOptions {
  /** More lines for each redis.conf; they take precedence. */
  readonly extraConfig?: string;
  /** Milliseconds of silence after which a server counts as down; default 2 000. */
  readonly downAfterMs?: number;
}

/** One master, two replicas, three Sentinels; a majority of two decides. */
export interface Sentinels {
  /** `redis+sentinel://host,host,host/main` */
  readonly url: string;
  /** The three Redis servers in a fixed order, whichever is the master. */
  readonly nodes: readonly Server[];
  /** The server that the Sentinels report as the master now. */
  master(): Promise<Server>;
  /** Makes the first Sentinel promote a replica while the master runs; resolves when the failover has begun. */
  switchOver(): Promise<void>;
  /**
   * Whether two replicas follow and all Sentinels have them; otherwise a replica that lags behind may be the next
   * master.
   */
  isWhole(): Promise<boolean>;
  stop(): Promise<void>;
}

const masterName = 'main';

/**
 * Starts them on 127.0.0.1, with append-only files.
 *
 * Replication is asynchronous. What the master confirmed just before it stops may not have reached a replica, and is
 * lost when that replica becomes the master. `min-replicas-to-write` does not change that; it limits how long a
 * master without replicas goes on confirming.
 * @returns them once both replicas follow and the Sentinels have found each other.
 */
export async function startSentinels(options: SentinelOptions = {}): Promise<Sentinels> {
  const { extraConfig = '', downAfterMs = 2_000 } = options;
  const started: Server[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.reverse().map((server) => server.stop()));
  };
  try {
    const first = await startRedis({ appendonly: true, extraConfig });
    started.push(first);
    const follow = `replicaof 127.0.0.1 ${first.port}\n${extraConfig}`;
    for (let count = 0; count < 2; count++) {
      started.push(await startRedis({ appendonly: true, extraConfig: follow }));
    }
    const nodes = [...started];
    const sentinels: Server[] = [];
    for (let count = 0; count < 3; count++) {
      const sentinel = await startSentinel(first.port, downAfterMs);
      started.push(sentinel);
      sentinels.push(sentinel);
    }
    await until('the replicas and the Sentinels know each other', () => isWhole(sentinels));
    return {
      url: `redis+sentinel://${sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/${masterName}`,
      nodes,
      async master() {
        const port = await masterPort(sentinels);
        const master = nodes.find((node) => node.port === port);
        if (master === undefined)
          throw new Error('the Sentinels name a master that is none of these servers');
        return master;
      },
      async switchOver() {
        // Never two of them: the second would begin its own failover, and might choose another replica.
        const [leader] = sentinels as [Server];
        await until('a replica is fit to be the master', async () => {
          const answer = await call(leader.port, 'FAILOVER', masterName).catch(String);
          return answer === 'OK';
        });
      },
      isWhole: () => isWhole(sentinels),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startSentinel(masterPort: number, downAfterMs: number): Promise<Server> {
  return startServer({
    command: redisServer,
    arguments: ['sentinel.conf', '--sentinel'],
    protocol: 'redis',
    ready: /Sentinel ID is|\+monitor/,
    configure: (folder, port) =>
      writeFile(
        join(folder, 'sentinel.conf'),
        [
          `port ${port}`,
          'bind 127.0.0.1',
          'daemonize no',
          `sentinel monitor ${masterName} 127.0.0.1 ${masterPort} 2`,
          `sentinel down-after-milliseconds ${masterName} ${downAfterMs}`,
          `sentinel failover-timeout ${masterName} ${downAfterMs * 5}`,
          `sentinel parallel-syncs ${masterName} 1\n`,
        ].join('\n'),
      ),
  });
}

async function isWhole(sentinels: readonly Server[]): Promise<boolean> {
  const known = await Promise.all(
    sentinels.map(async ({ port }) => {
      const replicas = (await call(port, 'REPLICAS', masterName)) as string[][];
      const others = (await call(port, 'SENTINELS', masterName)) as unknown[];
      const following = replicas.filter(
        (fields) => fields[fields.indexOf('master-link-status') + 1] === 'ok',
      );
      return following.length === 2 && others.length === sentinels.length - 1;
    }),
  );
  return known.every(Boolean);
}

/** Asks the Sentinels for the master's port and uses the first answer. */
async function masterPort(sentinels: readonly Server[]): Promise<number> {
  for (const { port } of sentinels) {
    const address = await call(port, 'GET-MASTER-ADDR-BY-NAME', masterName).catch(() => undefined);
    if (Array.isArray(address)) return Number(address[1]);
  }
  throw new Error('no Sentinel answers');
}

const answerMs = 2_000;

async function call(port: number, ...words: string[]): Promise<unknown> {
  // A frozen server accepts connections and never answers.
  const options = {
    maxRetriesPerRequest: 1,
    lazyConnect: true,
    connectTimeout: 1_000,
    commandTimeout: answerMs,
  };
  const connection = new Redis(port, '127.0.0.1', options);
  connection.on('error', () => undefined); // The call fails.
  try {
    return await connection.call('SENTINEL', ...words);
  } finally {
    connection.disconnect();
  }
}

/** @throws Error when it does not hold within 30 s. */
export async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await condition().catch(() => false)); await delay(50)) {
    if (Date.now() > end) throw new Error(`not within 30 s: ${what}`);
  }
}
