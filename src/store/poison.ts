import { hkdfSync } from 'node:crypto';
import { uniqueId } from '../lib/unique-id.ts';
import { cipherWith } from './encryption.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';
import type { ScriptAnswer } from './redis/script-answers.ts';

/** What is to be done with a request that the broker delivers again; `begin-redelivery` explains the words. */
export type Verdict = ScriptAnswer<'begin-redelivery'>;

/** A request that was given up. */
export interface PoisonedRequest {
  /** A digest in hexadecimal digits. */
  readonly id: string;
  readonly at: Date;
  readonly client: string;
  /** The kind and the phone, shortened, if an earlier delivery could be read. */
  readonly kind: string | undefined;
  readonly phone: string | undefined;
  /** Of the payload. */
  readonly bytes: number;
  /** `undefined` where it is too large to be kept, or sealed under another secret. */
  readonly payload: Buffer | undefined;
}

const maxKept = 100;
const maxKeptBytes = 4 * 1024 * 1024;
const maxPayloadBytes = 512 * 1024;
const keptSeconds = 24 * 60 * 60;

/** Counts the redeliveries of requests, and keeps those that were given up. */
export type PoisonStore = ReturnType<typeof openPoison>;

/**
 * @param countSeconds - for so long a count is kept; longer than the broker keeps a request for redelivery.
 * @param verifySecret - payloads may hold codes, so they are sealed with a key made of it; `''` where no codes are mailed.
 */
export function openPoison(redis: Database, countSeconds: number, verifySecret: string) {
  const { connection, keys } = redis;
  const cipher = verifySecret === '' ? undefined : cipherWith([keyOf(verifySecret)]);
  return {
    /**
     * Note that a redelivered request is about to be handled.
     * @param id - tells it from any other, over its redeliveries.
     * @param options.alone - no other suspect is handled meanwhile.
     * @param options.counts - false in a worker that stops.
     * @throws Fault when Redis refuses.
     */
    async begin(id: string, { alone, counts }: { readonly alone: boolean; readonly counts: boolean }) {
      const args = [uniqueId(), alone ? 'alone' : '', countSeconds, counts ? 1 : 0];
      return redis.run('begin-redelivery', [keys.redelivery(id)], args);
    },
    /** Note what a request that was begun turned out to be. */
    async note(id: string, phone: string, kind: string) {
      await redis.run('note-redelivery', [keys.redelivery(id)], [phone, kind]);
    },
    /** What was noted. */
    async noted(id: string): Promise<{ readonly phone: string; readonly kind: string } | undefined> {
      const [phone, kind] = await withRetry(() => connection.hmget(keys.redelivery(id), 'phone', 'kind'));
      return typeof phone === 'string' && typeof kind === 'string' ? { phone, kind } : undefined;
    },
    /** The request did no harm: forget its count. */
    async forgive(id: string) {
      await withRetry(() => connection.del(keys.redelivery(id)));
    },
    /** Keep a request for a day. @returns `'done'` if it was kept before. */
    async keep({ id, at, payload, ...head }: PoisonedRequest) {
      const isSmall = payload !== undefined && payload.length <= maxPayloadBytes;
      const kept = isSmall ? (cipher?.encrypt(payload, id) ?? payload).toString('base64') : undefined;
      const entry = `${at.getTime()} ${JSON.stringify({ ...head, encrypted: cipher !== undefined, payload: kept })}`;
      const args = [id, entry, maxKept, maxKeptBytes, keptSeconds];
      return redis.run('keep-poisoned', [keys.poisoned()], args);
    },
    /** What is kept, the oldest first. */
    async list() {
      const kept = await withRetry(() => connection.hgetall(keys.poisoned()));
      const since = Date.now() - keptSeconds * 1000;
      return Object.entries(kept)
        .map(([id, entry]) => read(id, entry, (encrypted) => cipher?.decrypt(encrypted, id)))
        .filter(({ at }) => at.getTime() >= since)
        .sort((one, other) => one.at.getTime() - other.at.getTime());
    },
    /** @returns whether it was there. */
    async drop(id: string) {
      return (await withRetry(() => connection.hdel(keys.poisoned(), id))) === 1;
    },
  };
}

const timeDigits = 13;

function read(id: string, entry: string, open: (encrypted: Buffer) => Buffer | undefined): PoisonedRequest {
  const at = new Date(Number(entry.slice(0, timeDigits)));
  const { payload, encrypted, client, kind, phone, bytes } = JSON.parse(entry.slice(timeDigits + 1)) as Omit<
    PoisonedRequest,
    'id' | 'at' | 'payload'
  > & { readonly payload?: string; readonly encrypted: boolean };
  const kept = payload === undefined ? undefined : Buffer.from(payload, 'base64');
  const plain = kept !== undefined && encrypted ? open(kept) : kept;
  return { id, at, client, kind, phone, bytes, payload: plain };
}

function keyOf(secret: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', 'poisoned requests', 32));
}
