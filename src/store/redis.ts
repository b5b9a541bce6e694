import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { probeTls, type TlsMaterial, tlsCause } from '../tls-causes.ts';
import { redisCalls } from './calls.ts';
import { Fault } from './fault.ts';
import { type Keys, keysWith } from './keys.ts';
import { loadScripts } from './scripts.ts';

/** What can be told about the connection without a secret. */
export interface RedisState {
  readonly connected: boolean;
  /** Why it is not connected, one short sentence. */
  readonly cause?: string;
}

/** The words that the scripts answer with; any other is a fault. */
const scriptAnswers = [
  'stored',
  'changed',
  'done',
  'leaving',
  'not_found',
  'busy',
  'wrong_code',
  'too_many_requests',
  'yours',
  'asked',
  'answered',
] as const;

export type ScriptAnswer = (typeof scriptAnswers)[number];

/** Redis, with its keys and its scripts; single server, Sentinel or Cluster look alike from here. */
export interface Database {
  readonly connection: Redis | Cluster;
  readonly keys: Keys;
  readonly state: RedisState;
  /** @throws Fault when Redis refuses the script, or the script answers a word that is not in `ScriptAnswer`. */
  run(script: string, keys: readonly string[], args: readonly ScriptArgument[]): Promise<ScriptAnswer>;
  readonly isCluster: boolean;
  /** Run `read-gathered`, once. */
  readGathered(keys: readonly string[], kinds: string): Promise<unknown[]>;
  close(): Promise<void>;
}

export type ScriptArgument = string | number | Uint8Array;

/** Redis says these while it starts, fails over or moves a slot; the same command works a moment later. */
const passingReply =
  /^(LOADING|MASTERDOWN|READONLY|TRYAGAIN|CLUSTERDOWN|MOVED|ASK|UNBLOCKED|NOREPLICAS|BUSY) |-READONLY /;

/** The client says these without a server, or when slots have moved since it put commands together. */
const passingTrouble =
  /Connection is closed|Connection (closed|lost)|aborted|ECONN|EPIPE|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|ETIMEDOUT|ENOTFOUND|Socket timeout|failed to refresh|max retries|Too many Cluster redirections|None of startup nodes|is disconnected|All keys in the pipeline/i;

const isPassing = (message: string): boolean => passingReply.test(message) || passingTrouble.test(message);

const longestPauseMs = 2_000;

/** Grows from 50 ms to 2 s, with half of it random so that many workers do not come back at once. */
const backOff = (attempt: number): number => {
  const pause = Math.min(longestPauseMs, 50 * 2 ** Math.min(attempt, 6));
  return pause / 2 + (Math.random() * pause) / 2;
};

/** The one script that takes as many keys as there are. */
const gathered = 'read-gathered';

const options = {
  // A turn of the event loop makes one write of all the commands in it.
  enableAutoPipelining: true,
  // This one is gathered already, and waits for no other.
  autoPipeliningIgnoredCommands: [gathered],
  // Commands wait for the connection to come back; only `src/worker.ts` gives up on a request.
  maxRetriesPerRequest: null,
  retryStrategy: backOff,
  connectTimeout: 5_000,
  // A host that loses its power closes no connection; without this its worker would wait for the kernel to give up.
  socketTimeout: 5_000,
  // Who answers so is no master any more: ask anew who is. The command is done again by `persist`.
  reconnectOnError: (error: Error) => error.message.includes('READONLY'),
} satisfies RedisOptions;

/**
 * Connect to Redis.
 * @param url - `redis://` or `rediss://`; several, comma-separated, are nodes of a Cluster;
 *   `redis+sentinel://h1,h2,h3/<master name>` asks Sentinels for the master, `rediss+sentinel://` those and it by TLS.
 * @param prefix - stands before every key.
 * @param tls - for `rediss://` and `rediss+sentinel://`.
 */
export function openRedis(
  url: string,
  prefix: string,
  onState: (state: RedisState) => void,
  tls: TlsMaterial = {},
): Database {
  const scripts = loadScripts();
  const connection = connect(url, tls);
  let state: RedisState = { connected: false, cause: 'not connected yet' };
  const become = (next: RedisState): void => {
    state = next;
    onState(next);
  };
  connection.on('ready', () => become({ connected: true }));
  connection.on('close', () => become({ connected: false, cause: state.cause ?? 'connection closed' }));
  connection.on('error', (error: NodeJS.ErrnoException) => {
    if (state.connected) return;
    become({ connected: false, cause: tlsCause(error.code) ?? error.code ?? error.name });
    void hiddenCause(url, tls).then((cause) => {
      if (cause !== undefined && !state.connected) become({ connected: false, cause });
    });
  });

  const commands = new Map<string, ScriptCommand>();
  for (const { name, keys, lua } of scripts) {
    if (name === gathered) continue;
    connection.defineCommand(name, { numberOfKeys: keys, lua });
    commands.set(name, { call: scriptCommand(connection, name, { lua, keys }), keys });
  }
  const { isCluster } = connection;
  const lua = scripts.find(({ name }) => name === gathered)?.lua ?? '';
  // The keys of what is written in one pipeline must lie on one server, which ioredis looks up by the first argument.
  connection.defineCommand(gathered, { lua, ...(isCluster && { numberOfKeys: 1 }) });
  const readGathered = scriptCommand(connection, `${gathered}Buffer`, { lua, keys: isCluster ? 1 : 'first' });

  return {
    connection,
    keys: keysWith(prefix),
    get state() {
      return state;
    },
    async run(script, keys, args) {
      const command = commands.get(script);
      if (command?.keys !== keys.length)
        throw new Fault(`there is no script ${script} of ${keys.length} keys`);
      const words = args.map((arg) => (arg instanceof Uint8Array ? asBuffer(arg) : arg));
      const answer = await persist(() => command.call(...keys, ...words), script);
      const word = scriptAnswers.find((known) => known === answer);
      if (word === undefined) throw new Fault(`the script ${script} answered another word`);
      return word;
    },
    isCluster,
    async readGathered(keys, kinds) {
      const count = isCluster ? [] : [keys.length];
      return (await readGathered(...count, ...keys, kinds)) as unknown[];
    },
    async close() {
      connection.disconnect();
    },
  };
}

/**
 * Do a repeatable command until Redis has answered it: what fails because the server is away, starting, failing over
 * or moving a slot is done again after a pause.
 * @param name - what a trace calls it.
 * @throws Fault when Redis answers with any other error.
 */
export function persist<T>(command: () => Promise<T>, name = 'read or write'): Promise<T> {
  const { trace } = redisCalls;
  return trace === undefined ? repeat(command) : trace(name, () => repeat(command));
}

/** The same, outside of any trace: for a command that does the work of several requests. */
export async function repeat<T>(command: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    const began = redisCalls.begin();
    try {
      const answer = await command();
      redisCalls.end(began, 'answered');
      return answer;
    } catch (error) {
      const message = error instanceof Error ? error.message : '';
      const again = isPassing(message);
      redisCalls.end(began, again ? 'repeated' : 'refused');
      if (!again) throw new Fault(`redis: ${message.split(' ', 1)[0]}`, error);
      await sleep(backOff(attempt));
    }
  }
}

interface ScriptCommand {
  readonly call: (...args: ScriptArgument[]) => Promise<unknown>;
  readonly keys: number;
}

/**
 * What ioredis has made of a script: its name for text, or with `Buffer` behind it for bytes.
 *
 * ioredis sends the digest of a script that it has loaded. A master that has just got a slot, or whose scripts were
 * flushed, may not have it: then it is sent whole.
 * @param keys - how many of the arguments are keys; or the first argument says so.
 */
function scriptCommand(
  connection: Redis | Cluster,
  name: string,
  { lua, keys }: { readonly lua: string; readonly keys: number | 'first' },
): ScriptCommand['call'] {
  const byDigest = commandOf(connection, name);
  const whole = commandOf(connection, name.endsWith('Buffer') ? 'evalBuffer' : 'eval');
  const count = keys === 'first' ? [] : [keys];
  return (...args) =>
    byDigest(...args).catch((error: unknown) => {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT '))) throw error;
      return whole(lua, ...count, ...args);
    });
}

function commandOf(connection: Redis | Cluster, name: string): ScriptCommand['call'] {
  const command: unknown = Reflect.get(connection, name);
  if (typeof command !== 'function') throw new Error(`ioredis has no command ${name}`);
  return command.bind(connection);
}

/** ioredis writes a Buffer as bytes, but any other Uint8Array as a list of numbers. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function connect(url: string, tls: TlsMaterial): Redis | Cluster {
  const sentinel = /^redis(s?)\+sentinel:\/\/(?:([^@/]*)@)?([^/]+)\/([^/]+)$/.exec(url);
  if (sentinel !== null) {
    const [, isSecure, credentials = '', hosts = '', name = ''] = sentinel;
    const [username, password] = credentials.split(':').map(decodeURIComponent);
    return new Redis({
      ...options,
      name,
      sentinels: hosts.split(',').map((host) => address(`redis://${host}`, 26_379)),
      sentinelCommandTimeout: 2_000,
      ...(isSecure ? { tls, sentinelTLS: tls, enableTLSForSentinelMode: true } : {}),
      ...(username ? { username } : {}),
      ...(password ? { password } : {}),
    });
  }
  const urls = url.split(',').map((part) => part.trim());
  const [only = ''] = urls;
  const secured = only.startsWith('rediss:') ? { tls } : {};
  if (urls.length === 1) return new Redis(only, { ...options, ...secured });
  return connectCluster(urls, secured);
}

function connectCluster(urls: readonly string[], secured: { readonly tls?: TlsMaterial }): Cluster {
  const { username, password } = new URL(urls[0] ?? '');
  return new Cluster(
    urls.map((url) => address(url, 6_379)),
    {
      enableAutoPipelining: true,
      clusterRetryStrategy: backOff,
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

/** Clusters and Sentinels are asked by connections of which ioredis tells only that they are closed. */
async function hiddenCause(url: string, tls: TlsMaterial): Promise<string | undefined> {
  const [, hosts = ''] = /^rediss\+sentinel:\/\/(?:[^@/]*@)?([^/]+)/.exec(url) ?? [];
  const sentinels = hosts.split(',').filter((host) => host !== '');
  const nodes = url.split(',').filter((part) => part.trim().startsWith('rediss://'));
  const servers = [
    ...sentinels.map((host) => address(`redis://${host}`, 26_379)),
    ...(nodes.length > 1 ? nodes.map((node) => address(node.trim(), 6_379)) : []),
  ];
  const causes = await Promise.all(servers.map((server) => probeTls({ ...server, ...tls })));
  return causes.find((cause) => cause !== undefined);
}

function address(url: string, presetPort: number): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: port === '' ? presetPort : Number(port) };
}
