import { uniqueId } from '../lib/unique-id.ts';
import type { RequestRef } from './idempotency-records.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';

/** How often something may happen. */
export interface Quota {
  /** What is limited; part of the key. */
  readonly name: string;
  readonly max: number;
  readonly windowMs: number;
  /** Least time between two. */
  readonly minGapMs: number;
}

/** A place that was taken; it can be given back. */
export interface QuotaSlot {
  /** When it was taken, Unix milliseconds by the clock of Redis; of a repeated request, when it came first. `0` if it is gone. */
  takenAt(): Promise<number>;
  release(): Promise<void>;
}

/** Why there is no place. `taken`: this very request seems to have one, though it was not delivered before. */
export type NoSlot = 'too_many_requests' | 'taken';

/** Limits that hold over all workers, each counted in a sliding window by the clock of Redis. */
export function openQuotas(redis: Database) {
  return {
    /**
     * Take a place.
     * @param tag - what the limit is counted for: a phone, or the digest of a mailbox or domain.
     * @param isRepeated - whether the request was delivered before; a slot that it took then is still its own.
     */
    async acquire(
      { name, max, windowMs, minGapMs }: Quota,
      tag: string,
      { key, deadline }: RequestRef,
      isRepeated: boolean,
    ): Promise<QuotaSlot | NoSlot> {
      const limit = redis.keys.quota(tag, name);
      const slot = `${key}.${uniqueId()}`;
      const answer = await redis.run(
        'acquire-quota',
        [limit],
        [key, slot, isRepeated ? 'again' : 'first', minGapMs, max, windowMs],
        deadline,
      );
      if (answer !== 'stored') return answer;
      return {
        async takenAt() {
          return Number((await withRetry(() => redis.connection.zscore(limit, slot))) ?? 0);
        },
        async release() {
          await withRetry(() => redis.connection.zrem(limit, slot));
        },
      };
    },
  };
}
