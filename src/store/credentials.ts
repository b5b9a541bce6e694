import { versions } from '../lib/unique-id.ts';
import type { AwsCredentials } from '../protocol/service.ts';
import type { Sealer } from './encryption.ts';
import type { Database } from './redis/database.ts';
import { persist } from './redis/retry.ts';

/** Temporary credentials of phones, kept only encrypted, and the order in which STS is asked for them. */
export interface Credentials {
  /** Kept ones that are valid for five minutes at least. */
  find(phone: string): Promise<AwsCredentials | undefined>;
  /** Forget those that are kept. */
  drop(phone: string): Promise<void>;
  /** Take a turn at asking STS for a phone; one at a time has it, over all workers. */
  turn(phone: string): Turn;
}

/** One request's turn at asking STS. */
export interface Turn {
  /** Try to have the turn, without waiting for it. */
  ask(): Promise<'yours' | 'asked'>;
  /**
   * Wait until the one that has the turn has answered us too, or has died and the turn is ours.
   * @param waiter - where we want the answer, as text.
   */
  wait(waiter: string): Promise<'yours' | 'answered'>;
  /**
   * Keep what STS answered, if there is something, there is a key, and the turn was not lost: with it goes all of a phone
   * that is removed.
   * @returns who waits for it; nobody if the turn was lost.
   */
  keep(credentials: AwsCredentials | undefined): Promise<readonly Waiter[]>;
  /** All these were answered; the next may ask. */
  end(answered: readonly Waiter[]): Promise<void>;
}

export interface Waiter {
  readonly name: string;
  /** As it was given to `wait`. */
  readonly text: string;
}

/** Credentials with less time left are not given out any more. */
const leastLeftMs = 5 * 60_000;

const pollMs = 250;

/**
 * @param sealer - encrypts what is kept, bound to the phone; without it nothing is kept.
 * @param lapseMs - after so long the one that asks STS counts as dead.
 */
export function openCredentials(redis: Database, sealer: Sealer | undefined, lapseMs: number): Credentials {
  const { connection, keys } = redis;
  const nextName = versions();

  const find = async (phone: string): Promise<AwsCredentials | undefined> => {
    if (sealer === undefined) return undefined;
    const key = keys.credentials(phone);
    const sealed = await persist(() => connection.getBuffer(key));
    const plain = sealed && sealer.open(sealed, key);
    if (!plain) return undefined;
    const credentials = JSON.parse(plain.toString()) as AwsCredentials;
    return credentials.expiration - leastLeftMs >= Date.now() ? credentials : undefined;
  };

  const turn = (phone: string): Turn => {
    const name = nextName();
    const own = [keys.asking(phone), keys.waiting(phone)];
    const ask = (mode: string, waiter = '') =>
      redis.run('ask-credentials', own, [name, lapseMs, mode, waiter]);
    return {
      ask: async () => ((await ask('ask')) === 'yours' ? 'yours' : 'asked'),
      async wait(waiter) {
        for (let answer = await ask('join', waiter); ; answer = await ask('wait')) {
          if (answer === 'yours' || answer === 'answered') return answer;
          await new Promise((resolve) => setTimeout(resolve, pollMs));
        }
      },
      async keep(credentials) {
        const key = keys.credentials(phone);
        const leftMs = credentials === undefined ? 0 : credentials.expiration - leastLeftMs - Date.now();
        if (credentials !== undefined && sealer !== undefined && leftMs > 0) {
          const sealed = sealer.seal(Buffer.from(JSON.stringify(credentials)), key);
          await redis.run('keep-credentials', [key, keys.asking(phone)], [name, sealed, Math.ceil(leftMs)]);
        }
        const [waiting, asking] = await Promise.all([
          persist(() => connection.hgetall(keys.waiting(phone))),
          persist(() => connection.get(keys.asking(phone))),
        ]);
        // Whoever has the turn by now answers them; it may be one of them.
        if (asking !== name) return [];
        return Object.entries(waiting).map(([waiter, text]) => ({ name: waiter, text }));
      },
      async end(answered) {
        await redis.run('end-asking', own, [name, ...answered.map((waiter) => waiter.name)]);
      },
    };
  };

  const drop = async (phone: string): Promise<void> => {
    await persist(() => connection.unlink(keys.credentials(phone)));
  };

  return { find, drop, turn };
}
