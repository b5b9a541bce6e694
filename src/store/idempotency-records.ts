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
export type IdempotencyRecords = ReturnType<typeof openIdempotencyRecords>;

/** @param doneSeconds - for so long a record is kept. */
export function openIdempotencyRecords(redis: Database, doneSeconds: number) {
  const { connection, keys } = redis;
  return {
    /**
     * Record that a request was refused, unless a record of it has changed meanwhile.
     * @param refusal - the key of that record, and the record as it was read.
     * @param word - what the record says.
     * @returns `'done'` when another worker has decided the request meanwhile.
     */
    async recordRefusal(
      { phone, key, record }: RequestRef,
      refusal: { readonly key: string; readonly record: string },
      word: string,
    ) {
      return redis.run(
        'record-refusal',
        [keys.done(phone, key), keys.done(phone, refusal.key)],
        [record, refusal.record, `${word} ${uniqueId()}`, doneSeconds],
      );
    },
    /** The record of a request; `''` if there is none. */
    async read(phone: string, key: string) {
      return (await withRetry(() => connection.get(keys.done(phone, key)))) ?? '';
    },
  };
}
