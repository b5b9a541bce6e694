import { Cluster, type Redis } from 'ioredis';
import { type Keys, keysWith } from '../keys.ts';
import { BatchedScripts } from './batched-scripts.ts';
import { connect, type RedisAccess } from './connect.ts';
import { Explanation } from './explain.ts';
import { Fault } from './fault.ts';
import { redisFault } from './faults.ts';
import { Health, type RedisState } from './health.ts';
import { attempt, type Deadline, traced, withRetry } from './retry.ts';
import { answerOf, type ScriptAnswer, type ScriptName } from './script-answers.ts';
import { defineScripts } from './script-commands.ts';
import type { ScriptArgument } from './scripts.ts';

export type { RedisState } from './health.ts';

/** Redis, with its keys and its scripts; single server, Sentinel or Cluster look alike from here. */
export interface Database {
  readonly connection: Redis | Cluster;
  readonly keys: Keys;
  readonly state: RedisState;
  /** Call `listener` on every change of `state`. */
  onState(listener: (state: RedisState) => void): void;
  /**
   * @param deadline - of the request whose effect it is: it does not run once that is over.
   * @returns one of the words that the script's head lists.
   * @throws Fault when Redis refuses the script, the script answers another word, or the deadline is over.
   */
  run<Name extends ScriptName>(
    script: Name,
    keys: readonly string[],
    args: readonly ScriptArgument[],
    deadline?: Deadline,
  ): Promise<ScriptAnswer<Name>>;
  /**
   * Run a script that answers a number, once.
   * @throws Fault when Redis is away or refuses; the script may have run.
   */
  measure(script: string, keys: readonly string[], args: readonly ScriptArgument[]): Promise<number>;
  readonly isCluster: boolean;
  /** Run `read-batch`, once. */
  readBatch(keys: readonly string[], kinds: string, fields: readonly (Buffer | string)[]): Promise<unknown[]>;
  close(): Promise<void>;
}

/**
 * Connect to Redis.
 * @param url - `redis://` or `rediss://`; several, comma-separated, are nodes of a Cluster;
 *   `redis+sentinel://h1,h2,h3/<master name>` asks Sentinels for the master, `rediss+sentinel://` those and it by TLS.
 * @param prefix - stands before every key.
 * @param access - certificates for `rediss://` and `rediss+sentinel://`, and what the Sentinels want.
 */
export function openRedis(
  url: string,
  prefix: string,
  onState: (state: RedisState) => void,
  access: RedisAccess = {},
): Database {
  const keys = keysWith(prefix);
  const listeners = [onState];
  const onReply = (error: Error): void => health.replied(error);
  const lasting = connect(url, { access, onReply });
  const { connection, reading } = lasting;
  const { isCluster } = connection;
  const scripts = defineScripts(connection, reading);
  const commandOf = (script: string, scriptKeys: readonly string[]) => {
    const command = scripts.each.get(script);
    if (command?.keys !== scriptKeys.length)
      throw new Fault(`there is no script ${script} of ${scriptKeys.length} keys`);
    return command;
  };
  const health = new Health({
    check: async () => {
      if (!isCluster) await refuseClusterNode(connection as Redis);
      const tried = Array.from({ length: isCluster ? nodesTried : 1 }, (_, number) => keys.rights(number));
      await Promise.all(tried.map((key) => commandOf('check-rights', [key]).call(key)));
    },
    everyMs: isCluster ? checkClusterMs : undefined,
    // A slot that a Cluster moves is followed.
    isIgnored: ({ name }) => isCluster && name === 'cluster_node',
    changed: (state) => {
      for (const listener of listeners) listener(state);
    },
  });
  watch(connection, health, new Explanation(url, access));
  const runs = scripts.runAll && new BatchedScripts(scripts.runAll, onReply);
  return {
    connection,
    keys,
    get state() {
      return health.state;
    },
    onState: (listener) => void listeners.push(listener),
    async run(script, scriptKeys, args, deadline) {
      const command = commandOf(script, scriptKeys);
      const answer = await (runs?.accepts(scriptKeys, args)
        ? traced(script, () => runs.run(script, scriptKeys, args, deadline))
        : withRetry(() => command.call(...scriptKeys, ...args.map(asWord)), script, deadline));
      const word = answerOf(script, answer);
      if (word === undefined) throw new Fault(`the script ${script} answered another word`);
      return word;
    },
    async measure(script, scriptKeys, args) {
      const command = commandOf(script, scriptKeys);
      return Number(await attempt(() => command.call(...scriptKeys, ...args.map(asWord))));
    },
    isCluster,
    async readBatch(read, kinds, fields) {
      const count = isCluster ? [] : [read.length];
      return (await scripts.read(...count, ...read, kinds, ...fields)) as unknown[];
    },
    async close() {
      health.close();
      lasting.close();
    },
  };
}

/** So many keys lie on all nodes of most Clusters. */
const nodesTried = 16;

/** A Cluster that has lost one of its masters stays connected, and nobody may ask that one for anything. */
const checkClusterMs = 5_000;

/** A first connection that takes longer is looked into. */
const firstLookMs = 1_000;

/** A server that is still loading lets nobody in, and ioredis does not tell. */
const askLoadingMs = 500;

function watch(connection: Redis | Cluster, health: Health, explanation: Explanation): void {
  let hasSlots = false;
  const look = (): void => {
    if (health.isClosed || health.state.connected) return;
    void explanation.look().then((fault) => {
      if (fault !== undefined && !health.state.connected) health.explained(fault);
    });
  };
  setTimeout(look, firstLookMs).unref(); // a Cluster tells late
  connection.on('connect', () => {
    hasSlots = connection instanceof Cluster;
    if (!hasSlots) setTimeout(() => askWhetherLoading(connection as Redis, health), askLoadingMs).unref();
  });
  connection.on('ready', () => {
    hasSlots = false;
    explanation.forget();
    health.connected();
  });
  connection.on('close', () => {
    // A Cluster that says whose its slots are, and is not ready, lacks some.
    if (hasSlots && health.state.fault === undefined) health.explained(redisFault('cluster_down'));
    hasSlots = false;
    health.lost();
    // A server that expects something else may end the connection without an error.
    look();
  });
  connection.on('error', (error: Error) => {
    health.explained(explanation.faultOf(error));
    look();
  });
}

function askWhetherLoading(connection: Redis, health: Health): void {
  if (connection.status !== 'connect') return;
  connection.info('persistence').then(
    (text) => {
      if (text.includes('loading:1')) health.explained(redisFault('loading'));
    },
    () => undefined, // the connection tells
  );
}

/** Half of what is done there would go well. @throws Error as such a node answers. */
async function refuseClusterNode(connection: Redis): Promise<void> {
  const text = await connection.info('cluster').catch(() => ''); // the user may not ask
  if (text.includes('cluster_enabled:1')) throw new Error('CROSSSLOT a node of a Cluster');
}

/** ioredis writes a Buffer as bytes, but any other Uint8Array as a list of numbers. */
function asWord(argument: ScriptArgument): string | number | Buffer {
  if (!(argument instanceof Uint8Array) || Buffer.isBuffer(argument)) return argument;
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength);
}
