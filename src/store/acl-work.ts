import { openLeases } from './leases.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';

export interface AclTask {
  readonly phone: string;
  readonly score: string;
}

/** Some 10 MB of Redis for a broker. */
const maxPhones = 100_000;

/** What a worker that ends or freezes holds is free after so long. */
const leaseMs = 30_000;

const lookAt = 16;

/**
 * What is left to do at one broker's list of clients: the phones whose clients there are to be compared with the sessions
 * here. A phone stands in it once, until some worker has made the broker equal.
 */
export type AclWork = ReturnType<typeof openAclWork>;

/** @param broker - `host:port`. */
export function openAclWork(redis: Database, broker: string) {
  const { connection, keys } = redis;
  const list = keys.brokerAcl(broker);
  const leases = openLeases(redis);
  return {
    /** `host:port`, in the names of the keys. */
    broker,
    /**
     * Note a phone.
     * @param inMs - from when on a worker is to compare it; default now.
     * @returns `'busy'` when the list is full; the sweep finds such a phone.
     */
    note: (phone: string, inMs = 0) => redis.run('note-phone', [list], [phone, inMs, maxPhones]),
    /** The phones that have been due longest, a few of them; and how many stand in the list. */
    async look() {
      const [first, pending, [seconds, microseconds]] = await Promise.all([
        withRetry(() => connection.zrange(list, '0', `${lookAt - 1}`, 'WITHSCORES')),
        withRetry(() => connection.zcard(list)),
        withRetry(() => connection.time()),
      ]);
      const now = Number(seconds) * 1e6 + Number(microseconds);
      const tasks = first.flatMap((phone, index) =>
        index % 2 === 0 ? [{ phone, score: first[index + 1] ?? '' }] : [],
      );
      return { due: tasks.filter(({ score }) => Number(score) <= now), pending };
    },
    /** What is to be done for a phone, if it stands in the list. */
    async find(phone: string) {
      const score = await withRetry(() => connection.zscore(list, phone));
      return score === null ? undefined : { phone, score: `${score}` };
    },
    /** The broker is equal: forget the phone, unless it was noted again meanwhile. */
    async done({ phone, score }: AclTask) {
      await redis.run('settle-phone', [list], [phone, score, 0]);
    },
    async putOff({ phone, score }: AclTask, byMs: number) {
      await redis.run('settle-phone', [list], [phone, score, byMs]);
    },
    /**
     * The lock for a phone, or for a client, at this broker: who changes what the broker has of it holds it.
     * @returns `undefined` while another one holds it.
     */
    lease: (kind: 'phone' | 'client', name: string) =>
      leases.take(keys.brokerAclLock(broker, kind, name), leaseMs),
    /** Whether it is this worker's turn to sweep, which comes once in so many milliseconds over all workers. */
    async takeSweep(everyMs: number) {
      const sweep = keys.brokerAclSweep(broker);
      return (await withRetry(() => connection.set(sweep, '1', 'PX', everyMs, 'NX'))) !== null;
    },
  };
}
