import { Cluster } from 'ioredis';
import { type Database, persist } from './redis.ts';

/** The sessions that the authentication service writes: which phone a client belongs to. */
export interface Sessions {
  /** The phone of a client's session, in digits; `undefined` if it has none. */
  phoneOf(client: string): Promise<string | undefined>;
  /** The clients with an active session of a phone; members of its set that are stale are dropped from it. */
  active(phone: string): Promise<string[]>;
  /** Delete these sessions of a phone; can be repeated after a crash. */
  remove(phone: string, clients: readonly string[]): Promise<void>;
  /** Let all sessions of a phone belong to another one; can be repeated after a crash. */
  move(oldPhone: string, newPhone: string): Promise<void>;
  /**
   * Give a client a session, as the authentication service does.
   * @param tokenHash - SHA-256 in hex.
   * @returns `'changed'` when it has one already.
   */
  add(client: string, phone: string, tokenHash: string): Promise<'stored' | 'changed'>;
  /** @returns `'changed'` when the client has no session of this phone any more. */
  rotate(client: string, phone: string, tokenHash: string): Promise<'stored' | 'changed'>;
  /** The sessions of a phone; of all, where none is named, for a person who looks: it walks through every key. */
  list(phone: string | undefined): Promise<ListedSession[]>;
}

export interface ListedSession {
  readonly client: string;
  readonly phone: string;
  readonly hasToken: boolean;
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

  const keep = async (client: string, values: readonly string[]): Promise<'stored' | 'changed'> => {
    const answer = await redis.run('keep-session', [keys.session(client)], values);
    return answer === 'stored' ? answer : 'changed';
  };

  const sessions: Sessions = {
    phoneOf,
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
    async add(client, phone, tokenHash) {
      const answer = await keep(client, [phone, tokenHash, 'new']);
      if (answer === 'stored') await persist(() => connection.sadd(keys.sessions(phone), client));
      return answer;
    },
    rotate: (client, phone, tokenHash) => keep(client, [phone, tokenHash, 'again']),
    async list(phone) {
      const clients = phone === undefined ? await allClients(redis) : await sessions.active(phone);
      const found = await Promise.all(
        clients.sort().map(async (client): Promise<ListedSession> => {
          const [owner, token] = await persist(() =>
            connection.hmget(keys.session(client), 'phone', 'token'),
          );
          return { client, phone: owner ?? '', hasToken: Boolean(token) };
        }),
      );
      return found.filter((session) => session.phone !== '');
    },
  };
  return sessions;
}

/** Every client with a session, from all masters of a Cluster. */
async function allClients({ connection, keys }: Database): Promise<string[]> {
  const start = keys.session('');
  const found = new Set<string>();
  for (const node of connection instanceof Cluster ? connection.nodes('master') : [connection]) {
    const pattern = `${start.replaceAll(/[*?[\]\\]/g, '\\$&')}*`;
    for await (const batch of node.scanStream({ match: pattern, count: 1_000, type: 'hash' }))
      for (const key of batch as string[]) found.add(key.slice(start.length));
  }
  return [...found];
}
