import type { Database } from './redis/database.ts';
import { Fault } from './redis/fault.ts';

/** The token buckets of the clients, shared by all workers. */
export type Rates = ReturnType<typeof openRates>;

/** What a worker has charged; all in milliseconds. */
export interface Use {
  /** How long the bucket takes to refill it. */
  readonly costMs: number;
  /** How long ago the oldest of the requests may have come. */
  readonly ageMs: number;
  /** How long the bucket takes at most until it is full: what would be in debt beyond that is forgiven. */
  readonly maxAheadMs: number;
}

export function openRates(redis: Database) {
  return {
    /**
     * Charge requests that were let in.
     * @returns in how many milliseconds the bucket is full again; below 0 if it is full.
     * @throws Fault when Redis is away or refuses; it may have charged them.
     */
    async report(client: string, { costMs, ageMs, maxAheadMs }: Use) {
      // A report that waits for Redis would have a wrong age.
      if (!redis.state.connected) throw new Fault('redis: not connected');
      // Rounded in favour of the client, so that an hour of reports never adds up to a request.
      const micros = [Math.floor(costMs * 1_000), Math.ceil(ageMs * 1_000), Math.ceil(maxAheadMs * 1_000)];
      return (await redis.measure('report-use', [redis.keys.rate(client)], micros)) / 1_000;
    },
  };
}
