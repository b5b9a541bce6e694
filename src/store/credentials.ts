import { uniqueId } from '../lib/unique-id.ts';
import type { AwsCredentials } from '../protocol/service.ts';
import type { Cipher } from './encryption.ts';
import type { Database } from './redis/database.ts';
import { Fault } from './redis/fault.ts';
import { withRetry } from './redis/retry.ts';

export interface Waiter {
  readonly client: string;
  /** What was given to `join`, and a name of the request, as JSON. */
  readonly text: string;
}

/** So many clients of a phone wait for the answer of STS; a client waits once. */
export const maxWaiting = 16;

/** Unless it is said: so many clients of all phones wait here, each with a place in the in-flight window. */
const maxWaitingHere = 64;

/** Credentials with less time left are not given out any more. */
const minLeftMs = 5 * 60_000;

/** Who waits looks so often whether it was answered, or has the turn. */
const pollMs = 250;

/** Credentials, and for how many milliseconds they are valid from now on: their expiration is by the clock of STS. */
export interface ValidCredentials extends AwsCredentials {
  readonly validMs: number;
}

/** Temporary credentials of phones, kept only encrypted, and the order in which STS is asked for them. */
export type Credentials = ReturnType<typeof openCredentials>;

/** The turn of one request at asking STS. */
export type CredentialLock = ReturnType<Credentials['lock']>;

/**
 * @param cipher - encrypts what is kept, bound to the phone; without it nothing is kept.
 * @param lapseMs - after so long the one that asks STS counts as dead.
 * @param maxHere - so many clients wait at this worker, of all phones.
 */
export function openCredentials(
  redis: Database,
  cipher: Cipher | undefined,
  lapseMs: number,
  maxHere = maxWaitingHere,
) {
  const { connection, keys } = redis;

  const find = (phone: string) => findKept(redis, cipher, phone);
  const pauses = new Pauses();
  const places = new Places(maxHere);

  /**
   * Take the lock for asking STS for a phone; one at a time has it, over all workers.
   * @param client - who asks.
   * @param replyTo - where its answer is to go, as JSON takes it.
   */
  const lock = (phone: string, client: string, replyTo: readonly unknown[]) => {
    const name = uniqueId();
    const own = [keys.credentialLock(phone), keys.credentialWaiters(phone)];
    const waiter = `${phone} ${client}`;
    const text = JSON.stringify([...replyTo, name]);
    const ask = (mode: string) =>
      redis.run('lock-credentials', own, [name, lapseMs, mode, client, text, maxWaiting]);
    const tryAcquire = async (): Promise<'yours' | 'asked'> =>
      (await ask('ask')) === 'yours' ? 'yours' : 'asked';
    return {
      /** Try to have the turn, or to keep it, without waiting for it. */
      tryAcquire,
      /** Keep the lock until the returned function is called, or this process exits. */
      keep(): () => void {
        const timer = setInterval(() => void tryAcquire().catch(() => undefined), lapseMs / 3);
        return () => clearInterval(timer);
      },
      /**
       * Have the turn, or be put down among those that wait: one request of a client, the last one. After `'asked'` comes `wait`.
       * @returns `'full'` if too many clients of the phone wait, or of all phones at this worker.
       */
      async join(): Promise<'yours' | 'asked' | 'full'> {
        if (!places.take(waiter)) return (await tryAcquire()) === 'yours' ? 'yours' : 'full';
        let answer: Awaited<ReturnType<typeof ask>> | undefined;
        try {
          answer = await ask('join');
        } finally {
          if (answer !== 'asked') places.leave(waiter);
        }
        if (answer === 'answered') throw new Fault('redis: lock-credentials answered what it cannot');
        if (answer === 'asked') pauses.end(waiter);
        return answer;
      },
      /**
       * Wait, after `join`, until the one that has the turn has answered this request, or a later one of the client has
       * taken its place, or the turn has lapsed and passes to this one.
       */
      async wait(): Promise<'yours' | 'answered'> {
        try {
          for (;;) {
            await pauses.begin(waiter);
            const answer = await ask('wait');
            if (answer === 'yours' || answer === 'answered') return answer;
          }
        } finally {
          places.leave(waiter);
        }
      },
      /**
       * Keep what STS answered, if there is something, there is a key, and the turn was not lost: with it goes all of a phone
       * that is removed.
       * @returns who waits for it; nobody if the turn was lost.
       */
      async store(credentials: ValidCredentials | undefined): Promise<readonly Waiter[]> {
        const key = keys.credentials(phone);
        const leftMs = (credentials?.validMs ?? 0) - minLeftMs;
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
        return Object.entries(waiting).map(([by, text]) => ({ client: by, text }));
      },
      /** All these were answered; the next may ask. Who has asked again since still waits. */
      async release(answered: readonly Waiter[]): Promise<void> {
        const entries = answered.flatMap((each) => [each.client, each.text]);
        await redis.run('unlock-credentials', own, [name, ...entries]);
      },
    };
  };

  /** Forget those that are kept. */
  const drop = async (phone: string): Promise<void> => {
    await withRetry(() => connection.unlink(keys.credentials(phone)));
  };

  return { find, drop, lock };
}

/** Kept ones that are valid for five minutes at least: their key goes when they are not. */
async function findKept(
  { connection, keys }: Database,
  cipher: Cipher | undefined,
  phone: string,
): Promise<ValidCredentials | undefined> {
  if (cipher === undefined) return undefined;
  const key = keys.credentials(phone);
  const [encrypted, leftMs] = await Promise.all([
    withRetry(() => connection.getBuffer(key)),
    withRetry(() => connection.pttl(key)),
  ]);
  const decrypted = encrypted && leftMs > 0 ? cipher.decrypt(encrypted, key) : undefined;
  if (!decrypted) return undefined;
  return { ...(JSON.parse(decrypted.toString()) as AwsCredentials), validMs: leftMs + minLeftMs };
}

/** The pauses of those that wait here between two looks. */
class Pauses {
  readonly #ends = new Map<string, () => void>();

  begin(waiter: string): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        if (this.#ends.get(waiter) === end) this.#ends.delete(waiter);
        resolve();
      };
      const timer = setTimeout(end, pollMs);
      this.#ends.set(waiter, end);
    });
  }

  /** A later request of the same client has taken the place of the one that waits: it need not wait to see that. */
  end(waiter: string): void {
    this.#ends.get(waiter)?.();
  }
}

/**
 * The clients that wait here, with how many requests each. Only a client is bounded: all its requests but the last one end
 * soon, because that one has taken their place.
 */
class Places {
  readonly #max: number;
  readonly #waiters = new Map<string, number>();

  constructor(max: number) {
    this.#max = max;
  }

  take(waiter: string): boolean {
    const requests = this.#waiters.get(waiter) ?? 0;
    if (requests === 0 && this.#waiters.size >= this.#max) return false;
    this.#waiters.set(waiter, requests + 1);
    return true;
  }

  leave(waiter: string): void {
    const requests = this.#waiters.get(waiter) ?? 0;
    if (requests > 1) this.#waiters.set(waiter, requests - 1);
    else this.#waiters.delete(waiter);
  }
}
