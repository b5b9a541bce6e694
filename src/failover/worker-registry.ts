import { type Lease, openLeases } from '../store/leases.ts';
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
  acquireLease(worker: string, forMs: number): Promise<Lease | undefined>;
  /** Remove a worker, unless it has sent a heartbeat in the last `silentMs`. The takeover is complete. */
  deregister(worker: string, silentMs: number): Promise<void>;
}

/** @param worker - the client id of this worker. */
export function openWorkerRegistry(redis: Database, worker: string): WorkerRegistry {
  const { connection, keys } = redis;
  const leases = openLeases(redis);
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
    acquireLease: (silentWorker, forMs) => leases.take(keys.takeoverLease(silentWorker), forMs),
    async deregister(silentWorker, silentMs) {
      await redis.run('deregister-worker', [keys.workers()], [silentWorker, silentMs]);
    },
  };
}
