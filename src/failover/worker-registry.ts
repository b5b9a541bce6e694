import { openLeases } from '../store/leases.ts';
import type { Database } from '../store/redis/database.ts';
import { withRetry } from '../store/redis/retry.ts';

/** The heartbeats of the workers of one share group at the same brokers, on the clock of Redis. */
export type WorkerRegistry = ReturnType<typeof openWorkerRegistry>;

/**
 * Names the workers that can take over each other's sessions. Only the same brokers hold their sessions, and only in the same
 * share group is a taken-over request theirs.
 */
export function fleetOf({
  shareGroup,
  urls,
}: {
  readonly shareGroup: string;
  readonly urls: readonly string[];
}) {
  return `${shareGroup}@${urls
    .map((url) => new URL(url).host)
    .sort()
    .join(',')}`;
}

/**
 * @param worker - the client id of this worker.
 * @param fleet - see `fleetOf`.
 */
export function openWorkerRegistry(redis: Database, worker: string, fleet: string) {
  const { connection, keys } = redis;
  const leases = openLeases(redis);
  const workers = keys.workers(fleet);
  // Workers of the version before look for the dead there, and only there.
  const everywhere = [workers, keys.formerWorkers()];
  return {
    /** Record that this worker is alive. */
    async heartbeat() {
      await Promise.all(everywhere.map((key) => redis.run('heartbeat', [key], [worker])));
    },
    /** Remove this worker: it has ended its broker sessions. */
    async leave() {
      await Promise.all(everywhere.map((key) => withRetry(() => connection.zrem(key, worker))));
    },
    /** The workers without a heartbeat for at least `afterMs`. */
    async silentWorkers(afterMs: number) {
      const [seconds = 0] = await withRetry(() => connection.time());
      const latest = Number(seconds) * 1000 - afterMs;
      return await withRetry(() => connection.zrangebyscore(workers, '-inf', latest));
    },
    /** Lease the takeover of a dead worker for `forMs`; `undefined` if another worker holds the lease. */
    acquireLease: (silentWorker: string, forMs: number) =>
      leases.take(keys.takeoverLease(fleet, silentWorker), forMs),
    /** Remove a worker, unless it has sent a heartbeat in the last `silentMs`. The takeover is complete. */
    async deregister(silentWorker: string, silentMs: number) {
      const forget = (key: string) => redis.run('deregister-worker', [key], [silentWorker, silentMs]);
      await Promise.all(everywhere.map(forget));
    },
  };
}
