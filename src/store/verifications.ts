import { createHmac } from 'node:crypto';
import type { Fragment } from '../etf/index.ts';
import { uniqueId } from '../lib/unique-id.ts';
import { domainOf, mailboxOf } from '../protocol/mailbox.ts';
import { newRecord, packRecord, placeOf, type RequestRef } from './idempotency-records.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';

/** So long a mailed code is good for. */
export const codeLifetimeSeconds = 10 * 60;

/** After so many wrong tries a code is burnt. */
const maxTries = 5;

/** Wrong codes of one phone for one mailbox, over all codes that were mailed. */
const wrongTries = { name: 'tries', max: 10, windowMs: 24 * 60 * 60_000 } as const;

/** So long it is remembered that an address was confirmed; for about as long carriers leave a number unused. */
const confirmedMs = 90 * 24 * 60 * 60_000;

/** So many addresses are remembered of a phone. */
const maxConfirmed = 16;

/** A domain where so many phones have confirmed addresses has many users. */
const usersOfLargeDomain = 20;

/** A code as it is kept: nothing of it tells the code or the address. */
export interface MailedCode {
  /** Keyed hash of the address. */
  readonly digest: string;
  /** Keyed hash of phone, address and code. */
  readonly hash: string;
}

/** What a client sends to confirm an address. */
export interface Try {
  readonly address: string;
  readonly code: string;
}

/**
 * The codes that were mailed and not yet confirmed.
 * @param secret - keys the hashes; a reader of Redis without it can try neither codes nor addresses.
 * @param doneSeconds - for so long it is known that a request is done.
 */
export function openVerifications(redis: Database, secret: string, doneSeconds: number) {
  const { keys } = redis;
  const keyedHash = (...parts: readonly string[]): string =>
    createHmac('sha256', secret).update(JSON.stringify(parts)).digest('base64url');
  const digest = (address: string): string => keyedHash('address', address);
  const hash = (phone: string, address: string, code: string): string =>
    keyedHash('code', phone, address, code);
  const triesOf = (phone: string, address: string): string =>
    keys.quota(phone, `${wrongTries.name}:${digest(mailboxOf(address))}`);
  // Not the mailbox: where dots count, another one would be taken for the phone's own.
  const ownOf = (address: string): string => digest(address.toLowerCase());
  const usersOf = (address: string): string => keys.confirmed(digest(domainOf(address)));
  const keepConfirmed = (key: string, confirmed: string, max: number) =>
    redis.run('keep-confirmed', [key], [confirmed, max, confirmedMs]);

  return {
    /** Tells an address, a mailbox or a domain from others without telling which it is. */
    digest,
    /** @see codeOf */
    newCode: (ref: RequestRef, address: string, takenAt: number) => codeOf(secret, ref, address, takenAt),
    /** What is kept of a code. */
    mailed: (phone: string, address: string, code: string): MailedCode => ({
      digest: digest(address),
      hash: hash(phone, address, code),
    }),
    /**
     * What a phone may do about an address.
     * @returns `'too_many_requests'` if it has tried too many wrong codes, and no code would be taken; `'yours'` if it has
     *   confirmed the address before, also if its profile is gone since; else `'not_found'`.
     */
    check: (phone: string, address: string) =>
      redis.run(
        'check-address',
        [triesOf(phone, address), keys.confirmed(phone)],
        [wrongTries.max, wrongTries.windowMs, ownOf(address), confirmedMs],
      ),
    /** Whether many phones have confirmed an address in the domain of this one. */
    async isOfLargeDomain(address: string) {
      const since = Date.now() - confirmedMs;
      const users = await withRetry(() => redis.connection.zcount(usersOf(address), since, '+inf'));
      return users >= usersOfLargeDomain;
    },
    /**
     * Try a code, count the try, and if it is right store the services, all in one step.
     * @param version - of the profile that the services were made from; `'changed'` if it is another by now.
     * @param services - the profile's services with the address verified.
     */
    async confirm(
      { phone, key, record, deadline }: RequestRef,
      { address, code }: Try,
      version: string,
      services: Fragment,
    ): Promise<'verified' | 'wrong_code' | 'done' | 'changed'> {
      const done = placeOf(keys, phone, key);
      const next = uniqueId();
      const answer = await redis.run(
        'confirm-email',
        [keys.verify(phone), keys.profile(phone), done.key, triesOf(phone, address)],
        [
          version,
          next,
          digest(address),
          hash(phone, address, code),
          maxTries,
          wrongTries.max,
          wrongTries.windowMs,
          services,
          packRecord(record),
          doneSeconds,
          done.field,
          packRecord(newRecord('wrong_code', next)),
          packRecord(newRecord('verified', next)),
        ],
        deadline,
      );
      if (answer !== 'stored') return answer;
      await Promise.all([
        keepConfirmed(keys.confirmed(phone), ownOf(address), maxConfirmed),
        keepConfirmed(usersOf(address), keyedHash('phone', phone), usersOfLargeDomain),
      ]);
      return 'verified';
    },
  };
}

/**
 * The code that a request mails, and what its mail is named by. Both are the same when the request is delivered again, so
 * that a mail that goes out twice says the same twice. Nobody can foretell them without the secret.
 * @param takenAt - when the request has first taken its place in the limits: it tells requests with one key apart.
 */
function codeOf(secret: string, { phone, key }: RequestRef, address: string, takenAt: number) {
  const keyed = (what: string): Buffer =>
    createHmac('sha256', secret)
      .update(JSON.stringify([what, phone, address, key, takenAt]))
      .digest();
  const code = `${keyed('mailed code').readUIntBE(0, 6) % 1_000_000}`.padStart(6, '0');
  return { code, messageId: keyed('message id').toString('base64url') };
}

/** The fields of a code in `verify:{phone}`. The script adds the time of Redis to the life of the code: our clock may differ. */
export function codeFields({ digest, hash }: MailedCode): (string | number)[] {
  return [`${digest}:code`, hash, `${digest}:expires`, codeLifetimeSeconds * 1000, `${digest}:tries`, 0];
}
