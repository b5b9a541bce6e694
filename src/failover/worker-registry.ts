import { openLeases } from '../store/leases.ts';
import type { Database } from '../store/redis/database.ts';
import { withRetry } from '../store/redis/retry.ts';

/** The heartbeats of all workers, on the clock of Redis. */
export type WorkerRegistry = ReturnType<typeof openWorkerRegistry>;

/** @param worker - the client id of this worker. */
export function openWorkerRegistry(redis: Database, worker: string) {
  const { connection, keys } = redis;
  const leases = openLeases(redis);
  return {
    /** Record that this worker is alive. */
    async heartbeat() {
      await redis.run('heartbeat', [keys.workers()], [worker]);
    },
    /** Remove this worker: it has ended its broker sessions. */
    async leave() {
      await withRetry(() => connection.zrem(keys.workers(), worker));
    },
    /** The workers without a heartbeat for at least `afterMs`. */
    async silentWorkers(afterMs: number) {
      const [seconds = 0] = await withRetry(() => connection.time());
      const latest = Number(seconds) * 1000 - afterMs;
      return await withRetry(() => connection.zrangebyscore(keys.workers(), '-inf', latest));
    },
    /** Lease the takeover of a dead worker for `forMs`; `undefined` if another worker holds the lease. */
    acquireLease: (silentWorker: string, forMs: number) =>
      leases.take(keys.takeoverLease(silentWorker), forMs),
    /** Remove a worker, unless it has sent a heartbeat in the last `silentMs`. The takeover is complete. */
    async deregister(silentWorker: string, silentMs: number) {
      await redis.run('deregister-worker', [keys.workers()], [silentWorker, silentMs]);
    },
  };
}
