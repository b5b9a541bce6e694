import { createHash, timingSafeEqual } from 'node:crypto';
import { type Database, persist } from './redis.ts';

/** The sessions that the authentication service writes: which phone a client belongs to. */
export interface Sessions {
  /** The phone of a client's session, in digits; `undefined` if it has none. */
  phoneOf(client: string): Promise<string | undefined>;
  /** The same for a client that nobody vouches for: only if the session has a token and this is it. */
  phoneOfToken(client: string, token: string): Promise<string | undefined>;
  /** The clients with an active session of a phone; members of its set that are stale are dropped from it. */
  active(phone: string): Promise<string[]>;
  /** Delete these sessions of a phone; can be repeated after a crash. */
  remove(phone: string, clients: readonly string[]): Promise<void>;
  /** Let all sessions of a phone belong to another one; can be repeated after a crash. */
  move(oldPhone: string, newPhone: string): Promise<void>;
}

export function openSessions(redis: Database): Sessions {
  const { connection, keys } = redis;

  const phoneOf = async (client: string): Promise<string | undefined> =>
    (await persist(() => connection.hget(keys.session(client), 'phone'))) ?? undefined;

  const moveOne = async (client: string, oldPhone: string, newPhone: string): Promise<void> => {
    await redis.run('move-session', [keys.session(client)], [oldPhone, newPhone]);
    if ((await phoneOf(client)) === newPhone) {
      await persist(() => connection.sadd(keys.sessions(newPhone), client));
    }
    await persist(() => connection.srem(keys.sessions(oldPhone), client));
  };

  return {
    phoneOf,
    async phoneOfToken(client, token) {
      const [phone, hash] = await persist(() => connection.hmget(keys.session(client), 'phone', 'token'));
      return phone && hash && isHashOf(hash, token) ? phone : undefined;
    },
    async active(phone) {
      const clients = await persist(() => connection.smembers(keys.sessions(phone)));
      const phones = await Promise.all(clients.map(phoneOf));
      const stale = clients.filter((_, place) => phones[place] !== phone);
      if (stale.length > 0) await persist(() => connection.srem(keys.sessions(phone), ...stale));
      return clients.filter((_, place) => phones[place] === phone);
    },
    async remove(phone, clients) {
      await Promise.all(
        clients.map((client) => redis.run('move-session', [keys.session(client)], [phone, ''])),
      );
      // Not the whole set: another client may have signed in since these were listed.
      if (clients.length > 0) await persist(() => connection.srem(keys.sessions(phone), ...clients));
    },
    async move(oldPhone, newPhone) {
      const clients = await persist(() => connection.smembers(keys.sessions(oldPhone)));
      await Promise.all(clients.map((client) => moveOne(client, oldPhone, newPhone)));
    },
  };
}

/** @param hash - SHA-256 in hex; compared in constant time. */
function isHashOf(hash: string, token: string): boolean {
  const expected = Buffer.from(hash, 'hex');
  const actual = createHash('sha256').update(token).digest();
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}
