/** The real Redis Cluster. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import type { Server } from './process.ts';
import { startRedis } from './redis.ts';
import { until } from './sentinel.ts';

export interface ClusterOptions {
  /** More lines for each redis.conf; they take precedence. */
  readonly extraConfig?: string;
  /** Milliseconds of silence after which a node counts as down; default 2 000. */
  readonly nodeTimeoutMs?: number;
}

/** Three masters, each with a replica. */
export interface RedisCluster {
  /** `redis://host:port,redis://host:port,…`, all six. */
  readonly url: string;
  readonly nodes: readonly Server[];
  /** The nodes that serve slots now. */
  masters(): Promise<Server[]>;
  /** Makes a replica the master instead of its own, while that one runs and hands over. */
  switchOver(): Promise<void>;
  /** Moves the slot of a key, with all its data, to another master. */
  moveSlot(key: string): Promise<void>;
  /** Whether all slots are served and each master has a replica that follows. */
  isWhole(): Promise<boolean>;
  stop(): Promise<void>;
}

/**
 * Starts it on 127.0.0.1, with append-only files.
 *
 * Replication is asynchronous here too: a failover can lose what a master confirmed just before it stopped.
 * @returns it once all slots are served.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<RedisCluster> {
  const { extraConfig = '', nodeTimeoutMs = 2_000 } = options;
  const config = [
    'cluster-enabled yes',
    'cluster-config-file nodes.conf',
    `cluster-node-timeout ${nodeTimeoutMs}`,
    // A replica takes over even after a long disconnect: there are only two copies here.
    'cluster-replica-validity-factor 0',
    extraConfig,
  ].join('\n');
  const nodes: Server[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  const isWhole = async (): Promise<boolean> => {
    const seen = await Promise.all(nodes.map(({ port }) => lookAt(port)));
    return (
      seen.every(({ isServing }) => isServing) && seen.filter(({ isFollowing }) => isFollowing).length === 3
    );
  };
  try {
    for (let count = 0; count < 6; count++) nodes.push(await startNode(config));
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
    await promisify(execFile)('redis-cli', [
      ...['--cluster', 'create', ...addresses],
      ...['--cluster-replicas', '1', '--cluster-yes'],
    ]);
    await until('the cluster serves all slots', isWhole);
    const masters = async (): Promise<Server[]> => {
      const seen = await Promise.all(nodes.map(async (node) => ({ node, ...(await lookAt(node.port)) })));
      return seen.filter(({ isMaster }) => isMaster).map(({ node }) => node);
    };
    return {
      url: nodes.map(({ url }) => url).join(','),
      nodes,
      masters,
      moveSlot: async (key) => moveSlot(key, await masters()),
      async switchOver() {
        for (const { port } of nodes) {
          if ((await lookAt(port)).isFollowing) return void (await call(port, 'CLUSTER', 'FAILOVER'));
        }
      },
      isWhole,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The bus of a node listens 10,000 above its port. Both must be below the ports that the system assigns. */
async function startNode(extraConfig: string): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 2_700);
    try {
      return await startRedis({ port, appendonly: true, extraConfig });
    } catch (error) {
      if (attempt === 10) throw error;
    }
  }
}

/** Moves one slot as `redis-cli --cluster reshard` does. */
async function moveSlot(key: string, masters: readonly Server[]): Promise<void> {
  const ports = masters.map(({ port }) => port);
  const slot = String(await call(ports[0] ?? 0, 'CLUSTER', 'KEYSLOT', key));
  // Only the master of a slot counts its keys; other nodes would answer MOVED.
  const owners = await Promise.all(ports.map((port) => ownsSlot(port, Number(slot))));
  const from = ports[owners.indexOf(true)];
  const to = ports[(owners.indexOf(true) + 1) % ports.length];
  if (from === undefined || to === undefined) throw new Error(`no master has slot ${slot}`);
  const [fromId, toId] = await Promise.all(
    [from, to].map(async (port) => String(await call(port, 'CLUSTER', 'MYID'))),
  );
  await call(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId ?? '');
  await call(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId ?? '');
  for (;;) {
    const keys = (await call(from, 'CLUSTER', 'GETKEYSINSLOT', slot, '1')) as string[];
    if (keys.length === 0) break;
    await call(from, 'MIGRATE', '127.0.0.1', String(to), '', '0', '5000', 'KEYS', ...keys);
  }
  for (const port of [to, from]) await call(port, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId ?? '');
}

async function ownsSlot(port: number, slot: number): Promise<boolean> {
  const own = String(await call(port, 'CLUSTER', 'NODES'))
    .split('\n')
    .find((line) => line.includes('myself'));
  const ranges = own?.split(' ').slice(8) ?? [];
  return ranges.some((range) => {
    const [first = '', last = first] = range.split('-');
    return Number(first) <= slot && slot <= Number(last);
  });
}

async function lookAt(port: number) {
  const gone = { isMaster: false, isFollowing: false, isServing: false };
  const [role, info] = await Promise.all([
    call(port, 'INFO', 'replication'),
    call(port, 'CLUSTER', 'INFO'),
  ]).catch(() => []);
  if (typeof role !== 'string' || typeof info !== 'string') return gone;
  return {
    isMaster: role.includes('role:master'),
    isFollowing: role.includes('role:slave') && role.includes('master_link_status:up'),
    isServing: info.includes('cluster_state:ok'),
  };
}

const answerMs = 6_000;

async function call(port: number, command: string, ...words: string[]): Promise<unknown> {
  // A frozen server accepts connections and never answers.
  const options = {
    maxRetriesPerRequest: 1, // The chaos tests cut connections, this one too.
    lazyConnect: true,
    connectTimeout: 1_000,
    commandTimeout: answerMs,
  };
  const connection = new Redis(port, '127.0.0.1', options);
  connection.on('error', () => undefined); // The call fails.
  try {
    return await connection.call(command, ...words);
  } finally {
    connection.disconnect();
  }
}
