import { openLeases } from './leases.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';
import { openWorkQueue } from './work-queue.ts';

/** What a worker that ends or freezes holds is free after so long. */
const leaseMs = 30_000;

/** The phones whose clients at one broker are to be compared with the sessions here, until some worker has made it equal. */
export type AclWork = ReturnType<typeof openAclWork>;

/** @param broker - `host:port`. */
export function openAclWork(redis: Database, broker: string) {
  const { connection, keys } = redis;
  const leases = openLeases(redis);
  return {
    // A full queue loses nothing: the sweep finds such a phone.
    ...openWorkQueue(redis, keys.brokerAcl(broker)),
    /** `host:port`, in the names of the keys. */
    broker,
    /**
     * The lock for a phone, or for a client, at this broker: who changes what the broker has of it holds it.
     * @returns `undefined` while another one holds it.
     */
    lease: (kind: 'phone' | 'client', name: string) =>
      leases.take(keys.brokerAclLock(broker, kind, name), leaseMs),
    /** Whether it is this worker's turn to sweep, which comes once in so many milliseconds over all workers. */
    async takeSweep(everyMs: number) {
      const sweep = keys.brokerAclSweep(broker);
      if ((await withRetry(() => connection.set(sweep, '1', 'PX', everyMs, 'NX'))) !== null) return true;
      // A shorter interval than at the last sweep is valid at once, not when the longer one has ended.
      if ((await connection.pttl(sweep)) > everyMs) await connection.pexpire(sweep, everyMs);
      return false;
    },
  };
}
