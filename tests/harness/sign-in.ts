import type { Database } from '../../src/store/redis/database.ts';
import { withRetry } from '../../src/store/redis/retry.ts';

/** Write a session as the authentication service does; a session of another number moves. */
export async function signIn({ connection, keys }: Database, client: string, number: string): Promise<void> {
  const before = await withRetry(() => connection.hget(keys.session(client), 'phone'));
  if (before && before !== number) await withRetry(() => connection.srem(keys.sessions(before), client));
  await withRetry(() => connection.sadd(keys.sessions(number), client));
  await withRetry(() => connection.hset(keys.session(client), { phone: number }));
}
