import { createHash } from 'node:crypto';
import { type Database, persist } from './redis.ts';

/** What tells a request from any other, and is alike when the broker delivers it again. */
export interface RequestIdentity {
  readonly client: string;
  readonly payload: Uint8Array;
  /** MQTT 5 Correlation Data, if the client sent it. */
  readonly correlationData: Uint8Array | undefined;
  /** The broker session and the packet identifier that it came under; these stay the same in a redelivery. */
  readonly origin: string;
}

/**
 * The records that requests are done, written in the same step as their effects, so that a redelivered request is
 * answered and not done twice. A record holds one word, what became of the request; the rest of the answer is read anew.
 */
export interface Answers {
  /** What became of a request; `undefined` if nothing did, or too long ago. */
  find(phone: string, key: string): Promise<string | undefined>;
}

export function openAnswers({ connection, keys }: Database): Answers {
  return {
    async find(phone, key) {
      return (await persist(() => connection.get(keys.done(phone, key)))) ?? undefined;
    },
  };
}

/**
 * The key of a request in `done:{phone}:<key>`. Two equal requests of a user are two: they have other packet
 * identifiers, or other Correlation Data.
 */
export function requestKey({ client, payload, correlationData, origin }: RequestIdentity): string {
  const hash = createHash('sha256').update(
    JSON.stringify([client, correlationData === undefined ? origin : '']),
  );
  if (correlationData !== undefined) hash.update(correlationData).update('\0');
  return hash.update(payload).digest('base64url').slice(0, 22);
}
