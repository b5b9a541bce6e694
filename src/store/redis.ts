import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster, Redis } from 'ioredis';
import { type TlsMaterial, tlsCause } from '../tls-causes.ts';
import { redisCalls } from './calls.ts';
import { backOff, connect, hiddenCause } from './connect.ts';
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

/** The one script that takes as many keys as there are. */
const gathered = 'read-gathered';

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
  const lasting = connect(url, tls, gathered);
  const { connection } = lasting;
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
      lasting.close();
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
