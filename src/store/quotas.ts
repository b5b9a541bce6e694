import { versions } from '../lib/unique-id.ts';
import type { Database } from './redis/database.ts';
import { persist } from './redis/retry.ts';

/** How often something may happen. */
export interface Limit {
  /** What is limited; part of the key. */
  readonly name: string;
  readonly most: number;
  readonly windowMs: number;
  /** Least time between two. */
  readonly apartMs: number;
}

/** A place that was taken; it can be given back. */
export interface Place {
  release(): Promise<void>;
}

/** Limits that hold over all workers, each counted in a sliding window by the clock of Redis. */
export interface Limits {
  /**
   * Take a place.
   * @param tag - what the limit is counted for: a phone, or the digest of a mailbox or domain.
   * @param request - the request's key; if it is `again` here, a place that it took before is still its own.
   */
  reserve(
    limit: Limit,
    tag: string,
    request: { readonly key: string; readonly again: boolean },
  ): Promise<Place | 'too_many_requests'>;
}

export function openLimits(redis: Database): Limits {
  const nextName = versions();
  return {
    async reserve({ name, most, windowMs, apartMs }, tag, { key, again }) {
      const limit = redis.keys.limit(tag, name);
      const place = `${key}.${nextName()}`;
      const answer = await redis.run(
        'reserve-limit',
        [limit],
        [key, place, again ? 'again' : 'first', apartMs, most, windowMs],
      );
      if (answer === 'too_many_requests') return answer;
      return {
        async release() {
          await persist(() => redis.connection.zrem(limit, place));
        },
      };
    },
  };
}
