import type { Database } from './redis.ts';

/** How often a client may ask, counted over all workers in buckets that fill up again. */
export interface Rates {
  /**
   * Count requests that were let in.
   * @returns how many more the client may make now; below 0 where workers let in more than there were.
   * @throws Fault when Redis refuses.
   */
  spend(client: string, count: number): Promise<number>;
}

/** @param rate - requests a second. @param burst - requests at once. */
export function openRates({ run, connection, keys }: Database, rate: number, burst: number): Rates {
  return {
    async spend(client, count) {
      const bucket = keys.rate(client);
      // Both in one turn, so in one write.
      const [, left] = await Promise.all([
        run('spend-rate', [bucket], [count, rate, burst]),
        connection.hget(bucket, 'left'),
      ]);
      return Number(left ?? burst);
    },
  };
}
