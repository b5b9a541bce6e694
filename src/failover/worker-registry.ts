import { uniqueId } from '../lib/unique-id.ts';
import type { Database } from '../store/redis/database.ts';
import { withRetry } from '../store/redis/retry.ts';

/** The heartbeats of all workers, on the clock of Redis. */
export interface WorkerRegistry {
  /** Record that this worker is alive. */
  heartbeat(): Promise<void>;
  /** Remove this worker: it has ended its broker sessions. */
  leave(): Promise<void>;
  /** The workers without a heartbeat for at least `afterMs`. */
  silentWorkers(afterMs: number): Promise<string[]>;
  /** Lease the takeover of a dead worker for `forMs`; `undefined` if another worker holds the lease. */
  acquireLease(worker: string, forMs: number): Promise<TakeoverLease | undefined>;
}

/** The exclusive right to take over the session of a dead worker. */
export interface TakeoverLease {
  /** Extend the lease to `forMs` from now. */
  renew(forMs: number): Promise<void>;
  /** Remove the worker from the registry, unless it sends heartbeats again. The takeover is complete. */
  deregister(silentMs: number): Promise<void>;
  /** Let another worker take over. */
  release(): Promise<void>;
}

/** @param worker - the client id of this worker. */
export function openWorkerRegistry(redis: Database, worker: string): WorkerRegistry {
  const { connection, keys } = redis;
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
      const name = uniqueId();
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
