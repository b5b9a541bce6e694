import { hash } from 'node:crypto';
import { uniqueIds } from '../lib/unique-id.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';

/** What tells a request from any other, and is alike when the broker delivers it again. */
export interface RequestFingerprint {
  readonly client: string;
  readonly payload: Uint8Array;
  /** MQTT 5 Correlation Data, if the client sent it. */
  readonly correlationData: Uint8Array | undefined;
  /** The broker session and the packet identifier that it came under; these stay the same in a redelivery. */
  readonly origin: string;
}

/**
 * The records that requests are done, written in the same step as their effects, so that a redelivered request is
 * answered and not done twice.
 *
 * A record is a word, what became of the request, and the name of the state that it made; the rest of the answer is read
 * anew. The step that writes a record compares the one that was read: so of two workers that have the same request,
 * because one of them was frozen and taken for dead, only one does it; and a record that is left over from an earlier
 * request with the same packet identifier does not count.
 */
export interface IdempotencyRecords {
  /** The record of a request; `''` if there is none. */
  read(phone: string, key: string): Promise<string>;
  /**
   * Keep that a request was refused: delivered again, it must not be done after its client was told that it is not.
   * @param record - the record as it was read.
   * @returns `'done'` when another worker has decided the request meanwhile.
   */
  recordRefusal(
    request: { readonly phone: string; readonly key: string; readonly record: string },
    refusal: string,
  ): Promise<'stored' | 'done'>;
}

const refusedPrefix = 'refused:';

/** What a request was refused with, by the word of its record. */
export function refusalOfResult(word: string | undefined): string | undefined {
  return word?.startsWith(refusedPrefix) ? word.slice(refusedPrefix.length) : undefined;
}

/** What became of a request, by its record: `<word> <version>`. */
export function resultOfRecord(record: string): string | undefined {
  return record === '' ? undefined : record.split(' ', 1)[0];
}

export function openIdempotencyRecords(redis: Database, doneSeconds: number): IdempotencyRecords {
  const { connection, keys } = redis;
  const nextId = uniqueIds();
  return {
    async recordRefusal({ phone, key, record }, refusal) {
      const kept = `${refusedPrefix}${refusal} ${nextId()}`;
      const answer = await redis.run('record-refusal', [keys.done(phone, key)], [record, kept, doneSeconds]);
      return answer === 'done' ? answer : 'stored';
    },
    async read(phone, key) {
      return (await withRetry(() => connection.get(keys.done(phone, key)))) ?? '';
    },
  };
}

/**
 * The key of a request in `done:{phone}:<key>`. Two equal requests of a user are two: they have other packet
 * identifiers, or other Correlation Data.
 */
export function idempotencyKey({ client, payload, correlationData, origin }: RequestFingerprint): string {
  const head = JSON.stringify([client, correlationData === undefined ? origin : '']);
  const parts = correlationData === undefined ? [payload] : [correlationData, zero, payload];
  return hash('sha256', Buffer.concat([Buffer.from(head), ...parts]), 'base64url').slice(0, 22);
}

const zero = Buffer.of(0);
