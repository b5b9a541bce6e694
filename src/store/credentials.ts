import { uniqueId } from '../lib/unique-id.ts';
import type { AwsCredentials } from '../protocol/service.ts';
import type { Cipher } from './encryption.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';

export interface Waiter {
  readonly name: string;
  /** As it was given to `wait`. */
  readonly text: string;
}

/** Credentials with less time left are not given out any more. */
const minLeftMs = 5 * 60_000;

const pollMs = 250;

/** Temporary credentials of phones, kept only encrypted, and the order in which STS is asked for them. */
export type Credentials = ReturnType<typeof openCredentials>;

/** The turn of one request at asking STS. */
export type CredentialLock = ReturnType<Credentials['lock']>;

/**
 * @param cipher - encrypts what is kept, bound to the phone; without it nothing is kept.
 * @param lapseMs - after so long the one that asks STS counts as dead.
 */
export function openCredentials(redis: Database, cipher: Cipher | undefined, lapseMs: number) {
  const { connection, keys } = redis;

  /** Kept ones that are valid for five minutes at least. */
  const find = async (phone: string): Promise<AwsCredentials | undefined> => {
    if (cipher === undefined) return undefined;
    const key = keys.credentials(phone);
    const encrypted = await withRetry(() => connection.getBuffer(key));
    const decrypted = encrypted && cipher.decrypt(encrypted, key);
    if (!decrypted) return undefined;
    const credentials = JSON.parse(decrypted.toString()) as AwsCredentials;
    return credentials.expiration - minLeftMs >= Date.now() ? credentials : undefined;
  };

  /** Take a turn at asking STS for a phone; one at a time has it, over all workers. */
  const lock = (phone: string) => {
    const name = uniqueId();
    const own = [keys.credentialLock(phone), keys.credentialWaiters(phone)];
    const ask = (mode: string, waiter = '') =>
      redis.run('lock-credentials', own, [name, lapseMs, mode, waiter]);
    return {
      /** Try to have the turn, without waiting for it. */
      tryAcquire: async (): Promise<'yours' | 'asked'> =>
        (await ask('ask')) === 'yours' ? 'yours' : 'asked',
      /**
       * Wait until the one that has the turn has answered this request too, or its turn has lapsed and passes to this one.
       * @param waiter - where the answer is to go, as text.
       */
      async waitFor(waiter: string): Promise<'yours' | 'answered'> {
        for (let answer = await ask('join', waiter); ; answer = await ask('wait')) {
          if (answer === 'yours' || answer === 'answered') return answer;
          await new Promise((resolve) => setTimeout(resolve, pollMs));
        }
      },
      /**
       * Keep what STS answered, if there is something, there is a key, and the turn was not lost: with it goes all of a phone
       * that is removed.
       * @returns who waits for it; nobody if the turn was lost.
       */
      async store(credentials: AwsCredentials | undefined): Promise<readonly Waiter[]> {
        const key = keys.credentials(phone);
        const leftMs = credentials === undefined ? 0 : credentials.expiration - minLeftMs - Date.now();
        if (credentials !== undefined && cipher !== undefined && leftMs > 0) {
          const encrypted = cipher.encrypt(Buffer.from(JSON.stringify(credentials)), key);
          await redis.run(
            'keep-credentials',
            [key, keys.credentialLock(phone)],
            [name, encrypted, Math.ceil(leftMs)],
          );
        }
        const [waiting, asking] = await Promise.all([
          withRetry(() => connection.hgetall(keys.credentialWaiters(phone))),
          withRetry(() => connection.get(keys.credentialLock(phone))),
        ]);
        // The current holder of the lock answers them; it may be one of them.
        if (asking !== name) return [];
        return Object.entries(waiting).map(([waiter, text]) => ({ name: waiter, text }));
      },
      /** All these were answered; the next may ask. */
      async release(answered: readonly Waiter[]): Promise<void> {
        await redis.run('unlock-credentials', own, [name, ...answered.map((waiter) => waiter.name)]);
      },
    };
  };

  /** Forget those that are kept. */
  const drop = async (phone: string): Promise<void> => {
    await withRetry(() => connection.unlink(keys.credentials(phone)));
  };

  return { find, drop, lock };
}
