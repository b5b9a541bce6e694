import { shortId, uniqueId } from '../lib/unique-id.ts';
import type { Keys } from './keys.ts';
import type { Database } from './redis/database.ts';
import { type Deadline, withRetry } from './redis/retry.ts';

/**
 * Names a request to the stores. They write its record in the same script as its effect, and only if the record is still
 * as it was read: so of two workers that have the same request only one does it.
 */
export interface RequestRef {
  /** The phone that the request names, in digits. */
  readonly phone: string;
  /** A digest in base64url. */
  readonly key: string;
  /** The record as it was read, `<word> <what tells it from others>`; `''` if there was none. */
  readonly record: string;
  /** Once it is over, the effect is not written. */
  readonly deadline?: Deadline | undefined;
}

/** Where the record of a request is kept: a field of a hash. */
export interface RecordPlace {
  readonly key: string;
  readonly field: Buffer;
}

/** @param request - the key of the request: its first byte chooses the hash, ten more are the field. */
export function placeOf(keys: Pick<Keys, 'done'>, phone: string, request: string): RecordPlace {
  const digest = Buffer.from(request, 'base64url');
  return { key: keys.done(phone, digest.toString('hex', 0, 1)), field: digest.subarray(1, 11) };
}

/** The words of records. Each is kept as one character; the order is what Redis holds, so new ones go to the end. */
const words: readonly string[] = [
  'ok',
  'email_sent',
  'verified',
  'wrong_code',
  'migration',
  'refused:not_found',
  'refused:not_authorized',
  'refused:already_exists',
  'refused:too_many_requests',
  'refused:email_send',
  'refused:busy',
  'refused:too_large',
];

const spelled = '-';

/** A record as Redis keeps it, but for the two bytes of its age. */
export function packRecord(record: string): string {
  const end = record.indexOf(' ');
  const code = end < 0 ? -1 : words.indexOf(record.slice(0, end));
  if (code < 0) return record === '' ? '' : `${spelled}${record}`;
  return `${code.toString(36)}${record.slice(end + 1)}`;
}

/** @param bytes - as Redis keeps it, with the two bytes of its age. */
export function unpackRecord(bytes: Buffer | null | undefined): string {
  if (!bytes) return '';
  const packed = bytes.toString('latin1', 2);
  if (packed.startsWith(spelled)) return packed.slice(1);
  return `${words[Number.parseInt(packed.slice(0, 1), 36)] ?? ''} ${packed.slice(1)}`;
}

/** A new record, unlike every other of its request. */
export function newRecord(word: string, id = uniqueId()): string {
  return `${word} ${shortId(id)}`;
}

/**
 * What became of requests.
 * @param doneSeconds - for so long a record is kept.
 */
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
      { phone, key, record, deadline }: RequestRef,
      refusal: { readonly key: string; readonly record: string },
      word: string,
    ) {
      const [done, refused] = [placeOf(keys, phone, key), placeOf(keys, phone, refusal.key)];
      const records = [record, refusal.record, newRecord(word)].map(packRecord);
      return redis.run(
        'record-refusal',
        [done.key, refused.key],
        [done.field, refused.field, ...records, doneSeconds],
        deadline,
      );
    },
    /** The record of a request; `''` if there is none. */
    async read(phone: string, request: string) {
      const { key, field } = placeOf(keys, phone, request);
      return unpackRecord(await withRetry(() => connection.hgetBuffer(key, field)));
    },
    /** The record that a worker of the version before has kept; `''` if there is none. */
    async readFormer(phone: string, request: string) {
      return (await withRetry(() => connection.get(keys.doneWord(phone, request)))) ?? '';
    },
  };
}
