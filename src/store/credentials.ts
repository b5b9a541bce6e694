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
  const waiters = new Waiters(maxHere);

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
    let joined = 0;
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
        if (!waiters.take(waiter)) return (await tryAcquire()) === 'yours' ? 'yours' : 'full';
        let answer: Awaited<ReturnType<typeof ask>> | undefined;
        try {
          answer = await ask('join');
        } finally {
          if (answer !== 'asked') waiters.leave(waiter);
        }
        if (answer === 'answered') throw new Fault('redis: lock-credentials answered what it cannot');
        if (answer === 'asked') joined = waiters.joined(waiter);
        return answer;
      },
      /**
       * Wait, after `join`, until the one that has the turn has answered this request, or a later one of the client has
       * taken its place, or the turn has lapsed and passes to this one.
       */
      async wait(): Promise<'yours' | 'answered'> {
        try {
          for (;;) {
            joined = await waiters.pause(waiter, joined);
            const answer = await ask('wait');
            if (answer === 'yours' || answer === 'answered') return answer;
          }
        } finally {
          waiters.leave(waiter);
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

interface WaitingClient {
  requests: number;
  /** How many requests were put down, one in the place of the other. */
  joined: number;
  /** Each ends the pause of a request. */
  readonly wakes: Set<() => void>;
}

/**
 * The clients that wait here, with how many requests each. Only a client is bounded: all its requests but the last one end
 * soon, because that one has taken their place.
 */
class Waiters {
  readonly #max: number;
  readonly #clients = new Map<string, WaitingClient>();

  constructor(max: number) {
    this.#max = max;
  }

  take(waiter: string): boolean {
    const client = this.#clients.get(waiter);
    if (client === undefined && this.#clients.size >= this.#max) return false;
    if (client === undefined) this.#clients.set(waiter, { requests: 1, joined: 0, wakes: new Set() });
    else client.requests++;
    return true;
  }

  leave(waiter: string): void {
    const client = this.#clients.get(waiter);
    if (client !== undefined && --client.requests === 0) this.#clients.delete(waiter);
  }

  /** A request was put down: those of the client that were before it need not wait to see that. */
  joined(waiter: string): number {
    const client = this.#clients.get(waiter);
    if (client === undefined) return 0;
    for (const wake of client.wakes) wake();
    return ++client.joined;
  }

  /** Wait for the next look. @returns at once, if a request was put down since `joined`, how many were by now. */
  async pause(waiter: string, joined: number): Promise<number> {
    const client = this.#clients.get(waiter);
    if (client === undefined) return joined;
    if (client.joined === joined)
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          client.wakes.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, pollMs);
        client.wakes.add(wake);
      });
    return client.joined;
  }
}
