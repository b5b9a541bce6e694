import { type Lease, openLeases } from './leases.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';

/**
 * What is left to do at one broker's list of clients: the phones whose clients there are to be compared with the sessions
 * here. A phone stands in it once, until some worker has made the broker equal.
 */
export interface AclWork {
  /** `host:port`, in the names of the keys. */
  readonly broker: string;
  /**
   * Note a phone.
   * @param inMs - from when on a worker is to compare it; default now.
   * @returns `'busy'` when the list is full; the sweep finds such a phone.
   */
  note(phone: string, inMs?: number): Promise<'stored' | 'busy'>;
  /** The phones that have been due longest, a few of them; and how many stand in the list. */
  look(): Promise<{ readonly due: readonly AclTask[]; readonly pending: number }>;
  /** What is to be done for a phone, if it stands in the list. */
  find(phone: string): Promise<AclTask | undefined>;
  /** The broker is equal: forget the phone, unless it was noted again meanwhile. */
  done(task: AclTask): Promise<void>;
  putOff(task: AclTask, byMs: number): Promise<void>;
  /**
   * The lock for a phone, or for a client, at this broker: who changes what the broker has of it holds it.
   * @returns `undefined` while another one holds it.
   */
  lease(kind: 'phone' | 'client', name: string): Promise<Lease | undefined>;
  /** Whether it is this worker's turn to sweep, which comes once in so many milliseconds over all workers. */
  takeSweep(everyMs: number): Promise<boolean>;
}

export interface AclTask {
  readonly phone: string;
  readonly score: string;
}

/** Some 10 MB of Redis for a broker. */
const maxPhones = 100_000;

/** What a worker that ends or freezes holds is free after so long. */
const leaseMs = 30_000;

const lookAt = 16;

/** @param broker - `host:port`. */
export function openAclWork(redis: Database, broker: string): AclWork {
  const { connection, keys } = redis;
  const list = keys.brokerAcl(broker);
  const leases = openLeases(redis);
  return {
    broker,
    note: (phone, inMs = 0) => redis.run('note-phone', [list], [phone, inMs, maxPhones]),
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
    async find(phone) {
      const score = await withRetry(() => connection.zscore(list, phone));
      return score === null ? undefined : { phone, score: `${score}` };
    },
    async done({ phone, score }) {
      await redis.run('settle-phone', [list], [phone, score, 0]);
    },
    async putOff({ phone, score }, byMs) {
      await redis.run('settle-phone', [list], [phone, score, byMs]);
    },
    lease: (kind, name) => leases.take(keys.brokerAclLock(broker, kind, name), leaseMs),
    async takeSweep(everyMs) {
      const sweep = keys.brokerAclSweep(broker);
      return (await withRetry(() => connection.set(sweep, '1', 'PX', everyMs, 'NX'))) !== null;
    },
  };
}
