/** The three ways to Redis. */
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { probeTls, type TlsMaterial } from '../../lib/tls-causes.ts';

const maxPauseMs = 2_000;

/** Longer than Sentinels take to hear of each other's fail-over, some 0.1 s. */
const gossipMs = 1_000;

/** Grows from 50 ms to 2 s, with half of it random so that many workers do not come back at once. */
export const retryDelayMs = (attempt: number): number => {
  const pause = Math.min(maxPauseMs, 50 * 2 ** Math.min(attempt, 6));
  return pause / 2 + (Math.random() * pause) / 2;
};

const options = {
  // A turn of the event loop makes one write of all the commands in it.
  enableAutoPipelining: true,
  // Commands wait for the connection to come back; only `src/pipeline/worker.ts` gives up on a request.
  maxRetriesPerRequest: null,
  retryStrategy: retryDelayMs,
  connectTimeout: 5_000,
  // A host that loses its power closes no connection; without this its worker would wait for the kernel to give up.
  socketTimeout: 5_000,
  // Who answers so is no master any more: ask anew who is. The command is done again by `withRetry`.
  reconnectOnError: (error: Error) => error.message.includes('READONLY'),
} satisfies RedisOptions;

type Options = typeof options & Pick<RedisOptions, 'autoPipeliningIgnoredCommands'>;

/** A connection that comes back by itself, until it is closed. */
export interface LastingConnection {
  readonly connection: Redis | Cluster;
  close(): void;
}

/**
 * Connect, and again whenever it is lost.
 * @param url - as `openRedis` has it.
 * @param batchCommands - commands that hold a whole batch already, and wait for no others.
 */
export function connect(url: string, tls: TlsMaterial, batchCommands: readonly string[]): LastingConnection {
  const own: Options = { ...options, autoPipeliningIgnoredCommands: [...batchCommands] };
  const sentinels = sentinelsOf(url);
  if (sentinels !== undefined) return connectToMaster(sentinels, own, tls);
  const urls = url.split(',').map((part) => part.trim());
  const [only = ''] = urls;
  const secured = only.startsWith('rediss:') ? { tls } : {};
  const connection =
    urls.length === 1 ? new Redis(only, { ...own, ...secured }) : connectCluster(urls, secured);
  return { connection, close: () => connection.disconnect() };
}

function connectCluster(urls: readonly string[], secured: { readonly tls?: TlsMaterial }): Cluster {
  const { username, password } = new URL(urls[0] ?? '');
  return new Cluster(
    urls.map((url) => address(url, 6_379)),
    {
      // No auto-pipelining: when a slot moves, ioredis repeats the whole pipeline, and has thrown outside of any promise
      // because results were missing (redis/ioredis#1931). Each command is redirected by itself.
      clusterRetryStrategy: retryDelayMs,
      // A replica may lag behind; decisions rest on masters only.
      scaleReads: 'master',
      redisOptions: {
        connectTimeout: options.connectTimeout,
        socketTimeout: options.socketTimeout,
        maxRetriesPerRequest: null,
        ...(username ? { username: decodeURIComponent(username) } : {}),
        ...(password ? { password: decodeURIComponent(password) } : {}),
        ...secured,
      },
    },
  );
}

interface Sentinels {
  readonly isSecure: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly addresses: readonly Address[];
  readonly masterName: string;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/** @returns what `redis+sentinel://user:password@h1,h2,h3/<master name>` says; undefined for another URL. */
function sentinelsOf(url: string): Sentinels | undefined {
  const parts = /^redis(s?)\+sentinel:\/\/(?:([^@/]*)@)?([^/]+)\/([^/]+)$/.exec(url);
  if (parts === null) return undefined;
  const [, secure, credentials = '', hosts = '', masterName = ''] = parts;
  const [username, password] = credentials.split(':').map(decodeURIComponent);
  const addresses = hosts.split(',').map((host) => address(`redis://${host}`, 26_379));
  return { isSecure: secure === 's', username, password, addresses, masterName };
}

function connectToMaster(sentinels: Sentinels, own: Options, tls: TlsMaterial): LastingConnection {
  const { isSecure, username, password, addresses, masterName } = sentinels;
  const connection = new Redis({
    ...own,
    name: masterName,
    sentinels: [...addresses],
    sentinelCommandTimeout: 2_000,
    ...(isSecure ? { tls, sentinelTLS: tls, enableTLSForSentinelMode: true } : {}),
    ...(username ? { username } : {}),
    ...(password ? { password } : {}),
  });
  const subscriptions = addresses.map((sentinel) => watchSwitches(sentinel, isSecure ? { tls } : {}));
  let isOutdated = false;
  const reconnect = (): void => {
    if (connection.status === 'connect' || connection.status === 'ready') connection.disconnect(true);
    else isOutdated = connection.status === 'connecting';
  };
  // ioredis may ask a Sentinel that has not heard of it yet, and come back to the old one.
  let secondReconnect: NodeJS.Timeout | undefined;
  const reconnectTwice = (): void => {
    reconnect();
    clearTimeout(secondReconnect);
    secondReconnect = setTimeout(reconnect, gossipMs);
  };
  // Whom it was on its way to may have been the old one.
  connection.on('connect', () => {
    if (isOutdated) reconnect();
    isOutdated = false;
  });
  for (const sentinel of subscriptions) {
    sentinel.on('message', (_channel, switched) => {
      if (` ${switched} `.includes(` ${masterName} `)) reconnectTwice();
    });
  }
  return {
    connection,
    close() {
      clearTimeout(secondReconnect);
      for (const each of [connection, ...subscriptions]) each.disconnect();
    },
  };
}

/** The others say the first when they hear of the new master; the one that leads only when all replicas follow, seconds later. */
const switches = ['+switch-master', '+failover-state-reconf-slaves'];

/**
 * Hear of it when a Sentinel gives a name to another master.
 *
 * A master that hands over, or that restarts, does not learn of it at once: for about 8 s it goes on
 * confirming changes, and forgets them when it becomes a replica. Nobody must be left there. ioredis has a
 * `failoverDetector` for that; it tells on stderr of each Sentinel that is away, and does not hear what is said
 * between its question and its subscription.
 */
function watchSwitches(address: Address, secured: { readonly tls?: TlsMaterial }): Redis {
  const sentinel = new Redis({
    ...address,
    ...secured,
    retryStrategy: retryDelayMs,
    maxRetriesPerRequest: null,
    enableReadyCheck: false,
  });
  // Its errors are reported where the master is looked up.
  sentinel.on('error', () => undefined);
  sentinel.subscribe(...switches).catch(() => undefined); // it was closed before
  return sentinel;
}

/** Clusters and Sentinels are asked by connections of which ioredis tells only that they are closed. */
export async function findTlsCause(url: string, tls: TlsMaterial): Promise<string | undefined> {
  const sentinels = sentinelsOf(url);
  const nodes = url.split(',').filter((part) => part.trim().startsWith('rediss://'));
  const servers = [
    ...(sentinels?.isSecure ? sentinels.addresses : []),
    ...(nodes.length > 1 ? nodes.map((node) => address(node.trim(), 6_379)) : []),
  ];
  const causes = await Promise.all(servers.map((server) => probeTls({ ...server, ...tls })));
  return causes.find((cause) => cause !== undefined);
}

function address(url: string, presetPort: number): Address {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: port === '' ? presetPort : Number(port) };
}
