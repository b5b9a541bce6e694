import { uniqueId } from '../lib/unique-id.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';

/** The right to do something alone, for a limited time. */
export interface Lease {
  /** Milliseconds that are left at least, by this process's own clock; also right after the process was frozen. */
  leftMs(): number;
  /** Hold it for as long again from now on. @returns false when it has lapsed; another may hold it by now. */
  extend(): Promise<boolean>;
  /** Let others have it after so many milliseconds; default now. What another one holds by now stays. */
  release(afterMs?: number): Promise<void>;
}

export function openLeases(redis: Database) {
  return {
    /** @returns `undefined` while another one holds it. */
    async take(key: string, forMs: number): Promise<Lease | undefined> {
      const name = uniqueId();
      let until = 0;
      const lease: Lease = {
        leftMs: () => until - performance.now(),
        async extend() {
          const next = performance.now() + forMs;
          if ((await redis.run('keep-lease', [key], [name, forMs])) === 'changed') return false;
          until = next;
          return true;
        },
        async release(afterMs = 0) {
          until = 0;
          await redis.run('keep-lease', [key], [name, Math.ceil(afterMs)]);
        },
      };
      const isTaken = await withRetry(async () => {
        // From before the command: by the clock here it lapses no later than in Redis.
        until = performance.now() + forMs;
        return (await redis.connection.set(key, name, 'PX', forMs, 'NX')) !== null;
      });
      // An earlier try whose reply was lost may have taken it, and it has run since.
      return isTaken || (await lease.extend()) ? lease : undefined;
    },
  };
}
