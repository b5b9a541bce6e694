import { createHmac } from 'node:crypto';
import type { Fragment } from '../etf/index.ts';
import type { Database } from './redis.ts';
import { versions } from './version.ts';

/** So long a mailed code is good for. */
export const codeLifetimeSeconds = 10 * 60;

/** After so many wrong tries a code is burnt. */
const mostTries = 5;

/** A code as it is kept: nothing of it tells the code or the address. */
export interface MailedCode {
  /** Keyed hash of the address. */
  readonly digest: string;
  /** Keyed hash of phone, address and code. */
  readonly hash: string;
  /** Unix milliseconds. */
  readonly expires: number;
}

/** What a client sends to confirm an address. */
export interface Try {
  readonly phone: string;
  /** The request's key. */
  readonly key: string;
  /** The record that the request is done, as it was read. */
  readonly record: string;
  readonly address: string;
  readonly code: string;
}

/** The codes that were mailed and not yet confirmed. */
export interface Verifications {
  /** What is kept of a code. */
  mailed(phone: string, address: string, code: string): MailedCode;
  /** Tells an address from others without telling which it is. */
  digest(address: string): string;
  /**
   * Try a code, count the try, and if it is right store the services, all in one step.
   * @param version - of the profile that the services were made from; `'changed'` if it is another by now.
   * @param services - the profile's services with the address verified.
   */
  confirm(
    tried: Try,
    version: string,
    services: Fragment,
  ): Promise<'verified' | 'wrong_code' | 'done' | 'changed'>;
}

/**
 * @param secret - keys the hashes; whoever reads Redis without it can try neither codes nor addresses.
 * @param doneSeconds - for so long it is known that a request is done.
 */
export function openVerifications(redis: Database, secret: string, doneSeconds: number): Verifications {
  const { keys } = redis;
  const nextVersion = versions();
  const keyedHash = (...parts: readonly string[]): string =>
    createHmac('sha256', secret).update(JSON.stringify(parts)).digest('base64url');
  const digest = (address: string): string => keyedHash('address', address);
  const hash = (phone: string, address: string, code: string): string =>
    keyedHash('code', phone, address, code);

  return {
    digest,
    mailed: (phone, address, code) => ({
      digest: digest(address),
      hash: hash(phone, address, code),
      expires: Date.now() + codeLifetimeSeconds * 1000,
    }),
    async confirm({ phone, key, record, address, code }, version, services) {
      const answer = await redis.run(
        'confirm-email',
        [keys.verify(phone), keys.profile(phone), keys.done(phone, key)],
        [
          version,
          nextVersion(),
          digest(address),
          hash(phone, address, code),
          mostTries,
          services,
          record,
          doneSeconds,
        ],
      );
      if (answer === 'changed' || answer === 'done') return answer;
      return answer === 'stored' ? 'verified' : 'wrong_code';
    },
  };
}

/** The fields of a code in `verify:{phone}`. */
export function codeFields({ digest, hash, expires }: MailedCode): (string | number)[] {
  return [`${digest}:code`, hash, `${digest}:expires`, expires, `${digest}:tries`, 0];
}
