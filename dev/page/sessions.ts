import type { Redis } from 'ioredis';
import type { SignIn } from './shapes.ts';

/** The page makes a client for each phone and tab; their sessions expire. */
const sessionSeconds = 24 * 60 * 60;

/** Reads a session request of the page; `undefined` unless it names a client of a page and a phone. */
export function readSignIn(json: string): SignIn | undefined {
  try {
    const { client, phone } = JSON.parse(json) as Partial<Record<keyof SignIn, unknown>>;
    if (typeof client !== 'string' || !/^page-[\w-]{1,40}$/.test(client)) return undefined;
    return typeof phone === 'string' && /^\d{5,15}$/.test(phone) ? { client, phone } : undefined;
  } catch {
    return undefined;
  }
}

/** Writes a session under the keys that the authentication service uses. */
export async function signIn(redis: Redis, { client, phone }: SignIn): Promise<void> {
  await redis.hset(`session:${client}`, { phone });
  await redis.expire(`session:${client}`, sessionSeconds);
  await redis.sadd(`sessions:{${phone}}`, client);
}
