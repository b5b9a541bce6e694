import type { Cluster, Redis } from 'ioredis';
import { systemCause } from '../../lib/system-causes.ts';
import { type TlsMaterial, tlsCause } from '../../lib/tls-causes.ts';
import { type Keys, keysWith } from '../keys.ts';
import { BatchedScripts } from './batched-scripts.ts';
import { connect, findTlsCause } from './connect.ts';
import { Fault } from './fault.ts';
import { attempt, traced, withRetry } from './retry.ts';
import { answerOf, type ScriptAnswer, type ScriptName } from './script-answers.ts';
import { batchCommands, defineScripts } from './script-commands.ts';
import type { ScriptArgument } from './scripts.ts';

/** The state of the connection, without secrets. */
export interface RedisState {
  readonly connected: boolean;
  /** Why it is not connected, one short sentence. */
  readonly cause?: string;
}

/** Redis, with its keys and its scripts; single server, Sentinel or Cluster look alike from here. */
export interface Database {
  readonly connection: Redis | Cluster;
  readonly keys: Keys;
  readonly state: RedisState;
  /**
   * @returns one of the words that the script's head lists.
   * @throws Fault when Redis refuses the script, or the script answers another word.
   */
  run<Name extends ScriptName>(
    script: Name,
    keys: readonly string[],
    args: readonly ScriptArgument[],
  ): Promise<ScriptAnswer<Name>>;
  /**
   * Run a script that answers a number, once.
   * @throws Fault when Redis is away or refuses; the script may have run.
   */
  measure(script: string, keys: readonly string[], args: readonly ScriptArgument[]): Promise<number>;
  readonly isCluster: boolean;
  /** Run `read-batch`, once. */
  readBatch(keys: readonly string[], kinds: string, fields: readonly Buffer[]): Promise<unknown[]>;
  close(): Promise<void>;
}

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
  const lasting = connect(url, tls, batchCommands);
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
    become({
      connected: false,
      cause: tlsCause(error.code) ?? systemCause(error.code) ?? error.code ?? error.name,
    });
    void findTlsCause(url, tls).then((cause) => {
      if (cause !== undefined && !state.connected) become({ connected: false, cause });
    });
  });

  const { isCluster } = connection;
  const scripts = defineScripts(connection);
  const commandOf = (script: string, keys: readonly string[]) => {
    const command = scripts.each.get(script);
    if (command?.keys !== keys.length) throw new Fault(`there is no script ${script} of ${keys.length} keys`);
    return command;
  };
  const runs = scripts.runAll && new BatchedScripts(scripts.runAll);
  return {
    connection,
    keys: keysWith(prefix),
    get state() {
      return state;
    },
    async run(script, keys, args) {
      const command = commandOf(script, keys);
      const answer = await (runs?.accepts(keys, args)
        ? traced(script, () => runs.run(script, keys, args))
        : withRetry(() => command.call(...keys, ...args.map(asWord)), script));
      const word = answerOf(script, answer);
      if (word === undefined) throw new Fault(`the script ${script} answered another word`);
      return word;
    },
    async measure(script, keys, args) {
      const command = commandOf(script, keys);
      return Number(await attempt(() => command.call(...keys, ...args.map(asWord))));
    },
    isCluster,
    async readBatch(keys, kinds, fields) {
      const count = isCluster ? [] : [keys.length];
      return (await scripts.read(...count, ...keys, kinds, ...fields)) as unknown[];
    },
    async close() {
      lasting.close();
    },
  };
}

/** ioredis writes a Buffer as bytes, but any other Uint8Array as a list of numbers. */
function asWord(argument: ScriptArgument): string | number | Buffer {
  if (!(argument instanceof Uint8Array) || Buffer.isBuffer(argument)) return argument;
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength);
}
