import { uniqueId } from '../lib/unique-id.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';

/**
 * Names a request to the stores. They write its record in the same script as its effect, and only if the record is still
 * as it was read: so of two workers that have the same request only one does it.
 */
export interface RequestRef {
  /** The phone that the request names, in digits. */
  readonly phone: string;
  readonly key: string;
  /** The record as it was read; `''` if there was none. */
  readonly record: string;
}

/** What became of requests, in `done:{phone}:<key>`. */
export interface IdempotencyRecords {
  /** The record of a request; `''` if there is none. */
  read(phone: string, key: string): Promise<string>;
  /**
   * Record that a request was refused, unless a record of it has changed meanwhile.
   * @param refusal - the key of that record, and the record as it was read.
   * @param word - what the record says.
   * @returns `'done'` when another worker has decided the request meanwhile.
   */
  recordRefusal(
    request: RequestRef,
    refusal: { readonly key: string; readonly record: string },
    word: string,
  ): Promise<'stored' | 'done'>;
}

/** @param doneSeconds - for so long a record is kept. */
export function openIdempotencyRecords(redis: Database, doneSeconds: number): IdempotencyRecords {
  const { connection, keys } = redis;
  return {
    async recordRefusal({ phone, key, record }, refusal, word) {
      return redis.run(
        'record-refusal',
        [keys.done(phone, key), keys.done(phone, refusal.key)],
        [record, refusal.record, `${word} ${uniqueId()}`, doneSeconds],
      );
    },
    async read(phone, key) {
      return (await withRetry(() => connection.get(keys.done(phone, key)))) ?? '';
    },
  };
}
