import { createHash, timingSafeEqual } from 'node:crypto';
import { type Database, persist } from './redis.ts';

/** The sessions that the authentication service writes: which phone a client belongs to. */
export interface Sessions {
  /** The phone of a client's session, in digits; `undefined` if it has none. */
  phoneOf(client: string): Promise<string | undefined>;
  /** The same for a client that nobody vouches for: only if the session has a token and this is it. */
  phoneOfToken(client: string, token: string): Promise<string | undefined>;
}

export function openSessions({ connection, keys }: Database): Sessions {
  return {
    async phoneOf(client) {
      return (await persist(() => connection.hget(keys.session(client), 'phone'))) ?? undefined;
    },
    async phoneOfToken(client, token) {
      const [phone, hash] = await persist(() => connection.hmget(keys.session(client), 'phone', 'token'));
      return phone && hash && isHashOf(hash, token) ? phone : undefined;
    },
  };
}

/** @param hash - SHA-256 in hex; compared in constant time. */
function isHashOf(hash: string, token: string): boolean {
  const expected = Buffer.from(hash, 'hex');
  const actual = createHash('sha256').update(token).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
