import { uniqueIds } from '../lib/unique-id.ts';
import type { Database } from '../store/redis/database.ts';
import { withRetry } from '../store/redis/retry.ts';

/** Which workers live, by the clock of Redis. */
export interface WorkerRegistry {
  /** Note that this worker lives. */
  heartbeat(): Promise<void>;
  /** This worker leaves and holds nothing any more. */
  leave(): Promise<void>;
  /** The workers that have been silent for so many milliseconds. */
  silentWorkers(afterMs: number): Promise<string[]>;
  /** Become the one heir of a dead worker, for so long; `undefined` if it has one. */
  acquireLease(worker: string, forMs: number): Promise<TakeoverLease | undefined>;
}

/** The right to work off what the broker holds for a dead worker. */
export interface TakeoverLease {
  /** It takes longer: keep the right for so many milliseconds more. */
  renew(forMs: number): Promise<void>;
  /** All is worked off: forget the worker, unless it beats again. */
  deregister(silentMs: number): Promise<void>;
  /** Let another one try. */
  release(): Promise<void>;
}

/** @param worker - the client id of this worker. */
export function openWorkerRegistry(redis: Database, worker: string): WorkerRegistry {
  const { connection, keys } = redis;
  const nextId = uniqueIds();
  return {
    async heartbeat() {
      await redis.run('heartbeat', [keys.workers()], [worker]);
    },
    async leave() {
      await withRetry(() => connection.zrem(keys.workers(), worker));
    },
    async silentWorkers(afterMs) {
      const [seconds = 0] = await withRetry(() => connection.time());
      const latest = Number(seconds) * 1000 - afterMs;
      return await withRetry(() => connection.zrangebyscore(keys.workers(), '-inf', latest));
    },
    async acquireLease(silentWorker, forMs) {
      const leaseKey = keys.takeoverLease(silentWorker);
      const name = nextId();
      if ((await withRetry(() => connection.set(leaseKey, name, 'PX', forMs, 'NX'))) === null)
        return undefined;
      return {
        async renew(moreMs) {
          await withRetry(() => connection.pexpire(leaseKey, moreMs));
        },
        async deregister(silentMs) {
          await redis.run('deregister-worker', [keys.workers()], [silentWorker, silentMs]);
          await withRetry(() => connection.del(leaseKey));
        },
        async release() {
          await withRetry(() => connection.del(leaseKey));
        },
      };
    },
  };
}
