/** The three ways to Redis. */
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { parseRedisUrl, type RedisUrl } from '../../lib/redis-url.ts';
import type { TlsMaterial } from '../../lib/tls-causes.ts';
import { guardAbandonedStreams } from './abandoned-streams.ts';
import { openSelecting } from './selecting.ts';

const maxPauseMs = 2_000;

/** Longer than Sentinels take to hear of each other's fail-over, some 0.1 s. */
const gossipMs = 1_000;

/** Grows from 50 ms to 2 s, with half of it random so that many workers do not come back at once. */
export const retryDelayMs = (attempt: number): number => {
  const pause = Math.min(maxPauseMs, 50 * 2 ** Math.min(attempt, 6));
  return pause / 2 + (Math.random() * pause) / 2;
};

const options = {
  // Commands wait for the connection to come back; only `src/pipeline/worker.ts` gives up on a request.
  maxRetriesPerRequest: null,
  retryStrategy: retryDelayMs,
  // A host that loses its power closes no connection; without these its worker would wait for the kernel to give up.
  // Both together, with a Sentinel that is as silent, are less than 10 s.
  connectTimeout: 3_000,
  socketTimeout: 5_000,
} satisfies RedisOptions;

/** Connections that come back by themselves, until they are closed. */
export interface LastingConnection {
  readonly connection: Redis | Cluster;
  /**
   * For reading. A server that hands over holds up whoever has sent a change, with all that comes behind it
   * (`CLIENT PAUSE WRITE`).
   */
  readonly reading: Redis | Cluster;
  close(): void;
}

/** How to get in, beside what the URL says. */
export interface RedisAccess extends TlsMaterial {
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
}

export interface ConnectOptions {
  readonly access: RedisAccess;
  /** Hears each error that a server answers. */
  readonly onReply: (error: Error) => void;
}

/** `url` with its parts. @throws Error when it cannot be read; the settings have checked that. */
function read(url: string): RedisUrl {
  const target = parseRedisUrl(url);
  if (typeof target === 'string') throw new Error(`REDIS_URL ${target}`);
  return target;
}

/**
 * Connect, and again whenever it is lost.
 * @param url - as `openRedis` has it.
 */
export function connect(url: string, given: ConnectOptions): LastingConnection {
  guardAbandonedStreams();
  const target = read(url);
  const { access, onReply } = given;
  const { ca, cert, key } = access;
  const secured = target.isSecure ? { tls: { ca, cert, key } } : {};
  if (target.kind === 'cluster') return twice(() => connectCluster(target, secured, onReply));
  const own = {
    ...options,
    ...secured,
    ...credentialsOf(target),
    db: target.database,
    // A turn of the event loop makes one write of all the commands in it.
    enableAutoPipelining: true,
    // Scripts are batched already (`batched-reads.ts`, `batched-scripts.ts`).
    autoPipeliningIgnoredCommands: ['evalsha', 'eval'],
    reconnectOnError: leavingReplicas(onReply),
  };
  if (target.kind === 'sentinel') return connectToMaster(target, own, access);
  return twice(() => openSelecting({ ...own, ...target.addresses[0] }));
}

/** The second connection leaves a server with the first, which alone is told that it is no master any more. */
function twice(open: () => Redis | Cluster): LastingConnection {
  const [connection, reading] = [open(), open()];
  let isClosed = false;
  reading.on('error', () => undefined); // the other tells
  connection.on('close', () => {
    if (!isClosed && reading.status === 'ready') reading.disconnect(true);
  });
  const close = (): void => {
    isClosed = true;
    for (const each of [connection, reading]) each.disconnect();
  };
  return { connection, reading, close };
}

/**
 * Who answers READONLY is no master any more: ask again who is. The command is done again by `withRetry`. A server that stays
 * a replica is not connected to again and again.
 */
function leavingReplicas(onReply: (error: Error) => void): (error: Error) => boolean {
  let leftAt = Number.NEGATIVE_INFINITY;
  return (error) => {
    onReply(error);
    const now = performance.now();
    if (!error.message.includes('READONLY') || now - leftAt < leaveEveryMs) return false;
    leftAt = now;
    return true;
  };
}

const leaveEveryMs = 500;

function credentialsOf({ username, password }: Pick<RedisUrl, 'username' | 'password'>) {
  return { ...(username && { username }), ...(password && { password }) };
}

type Secured = { readonly tls?: TlsMaterial };

function connectCluster(target: RedisUrl, secured: Secured, onReply: (error: Error) => void): Cluster {
  return new Cluster([...target.addresses], {
    // No auto-pipelining: when a slot moves, ioredis repeats the whole pipeline, and has thrown outside of any promise
    // because results were missing (redis/ioredis#1931). Each command is redirected by itself.
    clusterRetryStrategy: retryDelayMs,
    // A replica may lag behind; decisions rest on masters only.
    scaleReads: 'master',
    // ioredis would connect to the address that it has found, which is no name that a certificate has.
    dnsLookup: (host, callback) => callback(null, host),
    // After these `withRetry` decides: ioredis would go on for long with a node that is gone, and does not ask whether anybody waits.
    maxRedirections: 2,
    // The first question takes a TLS handshake.
    slotsRefreshTimeout: 3_000,
    redisOptions: {
      connectTimeout: options.connectTimeout,
      socketTimeout: options.socketTimeout,
      maxRetriesPerRequest: null,
      reconnectOnError: (error) => {
        onReply(error);
        return false;
      },
      ...credentialsOf(target),
      ...secured,
    },
  });
}

function connectToMaster(target: RedisUrl, own: RedisOptions, access: RedisAccess): LastingConnection {
  const { addresses, masterName } = target;
  const { sentinelUsername, sentinelPassword } = access;
  const { tls } = own;
  const pair = twice(
    () =>
      new Redis({
        ...own,
        name: masterName ?? '',
        sentinels: [...addresses],
        sentinelCommandTimeout: 2_000,
        ...(sentinelUsername && { sentinelUsername }),
        ...(sentinelPassword && { sentinelPassword }),
        ...(tls && { sentinelTLS: tls, enableTLSForSentinelMode: true }),
      }),
  );
  const { connection, reading } = pair;
  const credentials = credentialsOf({ username: sentinelUsername, password: sentinelPassword });
  const subscriptions = addresses.map((sentinel) =>
    watchSwitches({ ...sentinel, ...credentials, ...(tls && { tls }) }),
  );
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
  for (const { sentinel } of subscriptions) {
    sentinel.on('message', (_channel, switched) => {
      if (` ${switched} `.includes(` ${masterName} `)) reconnectTwice();
    });
  }
  return {
    connection,
    reading,
    close() {
      clearTimeout(secondReconnect);
      pair.close();
      for (const { close } of subscriptions) close();
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
function watchSwitches(server: RedisOptions) {
  const sentinel = new Redis({ ...options, ...server, enableReadyCheck: false });
  // Its errors are reported where the master is looked up.
  sentinel.on('error', () => undefined);
  sentinel.subscribe(...switches).catch(() => undefined); // it was closed before
  // Who only listens hears nothing from a peer that is gone: an answer is due, or `socketTimeout` ends the connection.
  const asking = setInterval(() => {
    if (sentinel.status === 'ready') sentinel.ping().catch(() => undefined);
  }, askSentinelMs).unref();
  return {
    sentinel,
    close() {
      clearInterval(asking);
      sentinel.disconnect();
    },
  };
}

const askSentinelMs = 3_000;
