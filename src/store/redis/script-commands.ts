import { createHash } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import { batchScript, loadScripts, type ScriptArgument, withPrelude } from './scripts.ts';

/** Runs a script. */
export type ScriptCommand = (...args: ScriptArgument[]) => Promise<unknown>;

/** The scripts of `src/store/scripts`, ready to be run. */
export interface ScriptCommands {
  /** By name, with how many keys each takes. */
  readonly each: ReadonlyMap<string, { readonly call: ScriptCommand; readonly keys: number }>;
  /** Reads many keys. The first argument is their number, except on a Cluster, where it is one. */
  readonly read: ScriptCommand;
  /** Runs several of `each`. The first argument is the number of keys; `undefined` on a Cluster, where keys lie on several servers. */
  readonly runAll: ScriptCommand | undefined;
}

/** Takes as many keys as there are: it reads what is asked for in a turn of the event loop. */
const readBatch = 'read-batch';

/**
 * The flag tells Redis that a script changes nothing, so that it is run while changes wait.
 * @see https://redis.io/docs/latest/develop/programmability/lua-api/#script_flags (Redis 7.0, Valkey)
 */
const changesNothing = '#!lua flags=no-writes\n';

/** @param reading - the connection for scripts that change nothing; the other stands in for it. */
export function defineScripts(connection: Redis | Cluster, reading: Redis | Cluster): ScriptCommands {
  const { each: scripts, prelude } = loadScripts();
  const changing = scripts.filter(({ name }) => name !== readBatch);
  const each = changing.map(({ name, keys, lua: body }) => {
    const call = define(connection, withPrelude(body, prelude), keys);
    return [name, { call, keys }] as const;
  });
  const { isCluster } = connection;
  const lua = changesNothing + (scripts.find(({ name }) => name === readBatch)?.lua ?? '');
  const [read, readBeside] = [connection, reading].map((each) =>
    define(each, lua, isCluster ? 1 : 'first', 'Buffer'),
  ) as [ScriptCommand, ScriptCommand];
  // Redis takes a script that it does not know for a change, and holds it while changes wait. A Cluster's master that hands over
  // knows it.
  const preload = commandOf(reading, 'eval');
  if (!isCluster) reading.on('ready', () => void preload(lua, 0, '').catch(() => undefined)); // who reads is told
  return {
    each: new Map(each),
    read: (...args) => (reading.status === 'ready' ? readBeside : read)(...args),
    runAll: isCluster ? undefined : define(connection, batchScript(changing, prelude), 'first'),
  };
}

/**
 * Runs a script by its digest. A server that has just started, or has just got a slot, may not have it: then it is sent whole,
 * once for all that wait. `defineCommand` of ioredis would do so too, but each of its pipelines copies all defined commands,
 * for 100 µs.
 * @param keys - how many of the arguments are keys; or the first argument says so.
 * @param reply - `Buffer` to be answered in bytes, and not in text.
 */
function define(
  connection: Redis | Cluster,
  lua: string,
  keys: number | 'first',
  reply: '' | 'Buffer' = '',
): ScriptCommand {
  const digest = createHash('sha1').update(lua).digest('hex');
  const byDigest = commandOf(connection, `evalsha${reply}`);
  const whole = commandOf(connection, `eval${reply}`);
  const count = keys === 'first' ? [] : [keys];
  let loading: Promise<void> | undefined;
  const load = (args: readonly ScriptArgument[]): Promise<unknown> => {
    const answer = whole(lua, ...count, ...args);
    const ended = (): void => {
      loading = undefined;
    };
    loading = answer.then(ended, ended);
    return answer;
  };
  return async (...args) => {
    for (let hasWaited = false; ; hasWaited = true) {
      try {
        return await byDigest(digest, ...count, ...args);
      } catch (error) {
        if (!lacksScript(error)) throw error;
        // Of a Cluster one node that hangs would hold up the others.
        if (hasWaited || loading === undefined || connection.isCluster) return load(args);
        await loading;
      }
    }
  };
}

/** A Cluster says so behind words of ioredis when it has redirected before. */
function lacksScript(error: unknown): boolean {
  return error instanceof Error && error.message.includes('NOSCRIPT ');
}

function commandOf(connection: Redis | Cluster, name: string): ScriptCommand {
  const command: unknown = Reflect.get(connection, name);
  if (typeof command !== 'function') throw new Error(`ioredis has no command ${name}`);
  return command.bind(connection);
}
