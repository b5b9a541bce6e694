import { versions } from '../lib/unique-id.ts';
import type { Database } from '../store/redis/database.ts';
import { persist } from '../store/redis/retry.ts';

/** Which workers live, by the clock of Redis. */
export interface Heartbeats {
  /** Note that this worker lives. */
  beat(): Promise<void>;
  /** This worker leaves and holds nothing any more. */
  leave(): Promise<void>;
  /** The workers that have been silent for so many milliseconds. */
  silent(afterMs: number): Promise<string[]>;
  /** Become the one heir of a dead worker, for so long; `undefined` if it has one. */
  inherit(worker: string, forMs: number): Promise<Inheritance | undefined>;
}

/** The right to work off what the broker holds for a dead worker. */
export interface Inheritance {
  /** It takes longer: keep the right for so many milliseconds more. */
  extend(forMs: number): Promise<void>;
  /** All is worked off: forget the worker, unless it beats again. */
  bury(silentMs: number): Promise<void>;
  /** Let another one try. */
  release(): Promise<void>;
}

/** @param worker - the client id of this worker. */
export function openHeartbeats(redis: Database, worker: string): Heartbeats {
  const { connection, keys } = redis;
  const nextName = versions();
  return {
    async beat() {
      await redis.run('beat', [keys.workers()], [worker]);
    },
    async leave() {
      await persist(() => connection.zrem(keys.workers(), worker));
    },
    async silent(afterMs) {
      const [seconds = 0] = await persist(() => connection.time());
      const latest = Number(seconds) * 1000 - afterMs;
      return await persist(() => connection.zrangebyscore(keys.workers(), '-inf', latest));
    },
    async inherit(dead, forMs) {
      const lock = keys.heir(dead);
      const name = nextName();
      if ((await persist(() => connection.set(lock, name, 'PX', forMs, 'NX'))) === null) return undefined;
      return {
        async extend(moreMs) {
          await persist(() => connection.pexpire(lock, moreMs));
        },
        async bury(silentMs) {
          await redis.run('bury', [keys.workers()], [dead, silentMs]);
          await persist(() => connection.del(lock));
        },
        async release() {
          await persist(() => connection.del(lock));
        },
      };
    },
  };
}
