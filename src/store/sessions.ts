import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';
import { scanKeys } from './redis/scan-keys.ts';

/** What stands in the place of the phone in the session of a trusted service; never a phone, as it is no number. */
export const SERVICE = 'service';

export interface ListedSession {
  readonly client: string;
  readonly phone: string;
  readonly hasToken: boolean;
}

/** The sessions that the authentication service writes: which phone a client belongs to. */
export type Sessions = ReturnType<typeof openSessions>;

/**
 * @param noteEnd - notes, before sessions of a phone end or move, that others are to follow: what ends a session can't
 *   forget it, and a crash in between loses nothing.
 */
export function openSessions(redis: Database, noteEnd?: (phone: string) => Promise<void>) {
  const { connection, keys } = redis;

  const phoneOf = async (client: string): Promise<string | undefined> =>
    (await withRetry(() => connection.hget(keys.session(client), 'phone'))) ?? undefined;

  // ioredis makes one pipeline of the commands of a turn of the event loop.
  const phonesOf = (clients: readonly string[]) => Promise.all(clients.map(phoneOf));

  const areOf = async (phone: string, clients: readonly string[]): Promise<boolean[]> =>
    (await phonesOf(clients)).map((each) => each === phone);

  /** Drop from the set of a phone those whose session is gone or another phone's; the others are left. */
  const dropStale = async (phone: string, clients: readonly string[]): Promise<string[]> => {
    const are = await areOf(phone, clients);
    const stale = clients.filter((_, index) => !are[index]);
    if (stale.length > 0) {
      await withRetry(() => connection.srem(keys.sessions(phone), ...stale));
      // One may have signed in between the look and the drop.
      const areBack = await areOf(phone, stale);
      const back = stale.filter((_, index) => areBack[index]);
      if (back.length > 0) await withRetry(() => connection.sadd(keys.sessions(phone), ...back));
    }
    return clients.filter((_, index) => are[index]);
  };

  const runOnEach = async (
    script: 'mark-session' | 'move-session',
    clients: readonly string[],
    words: readonly string[],
  ) => {
    await Promise.all(clients.map((client) => redis.run(script, [keys.session(client)], words)));
  };

  const keep = (client: string, values: readonly string[]) =>
    redis.run('keep-session', [keys.session(client)], values);

  const sessions = {
    /** The phone of a client's session, in digits; `undefined` if it has none. */
    phoneOf,
    /** The same for many, in one round trip. */
    phonesOf,
    /** The clients with an active session of a phone; members of its set that are stale are dropped from it. */
    async active(phone: string) {
      return dropStale(phone, await withRetry(() => connection.smembers(keys.sessions(phone))));
    },
    /**
     * Mark these sessions of a phone, before it is decided that they are to go. A worker that was frozen, or whose commands
     * were on their way for long, may still be ending them when their clients have signed in anew; those have no mark.
     */
    mark: (phone: string, clients: readonly string[], mark: string) =>
      runOnEach('mark-session', clients, [phone, mark]),
    /**
     * Delete these sessions of a phone; can be repeated after a crash.
     * @param mark - only those that have it.
     */
    async remove(phone: string, clients: readonly string[], mark = '') {
      await noteEnd?.(phone);
      await runOnEach('move-session', clients, [phone, '', mark]);
      await dropStale(phone, clients);
    },
    /** Let the sessions of a phone that have this mark belong to another one; can be repeated after a crash. */
    async move(oldPhone: string, newPhone: string, mark: string) {
      await noteEnd?.(oldPhone);
      const clients = await withRetry(() => connection.smembers(keys.sessions(oldPhone)));
      await runOnEach('move-session', clients, [oldPhone, newPhone, mark]);
      const are = await areOf(newPhone, clients);
      const moved = clients.filter((_, index) => are[index]);
      if (moved.length > 0) await withRetry(() => connection.sadd(keys.sessions(newPhone), ...moved));
      await dropStale(oldPhone, clients);
    },
    /**
     * Give a client a session, as the authentication service does.
     * @param tokenHash - SHA-256 in hex.
     * @returns `'changed'` when it has one already.
     */
    async add(client: string, phone: string, tokenHash: string) {
      const answer = await keep(client, [phone, tokenHash, 'new']);
      if (answer === 'stored') await withRetry(() => connection.sadd(keys.sessions(phone), client));
      return answer;
    },
    restore: restoring(redis),
    /** @returns `'changed'` when the client has no session of this phone any more. */
    rotate: (client: string, phone: string, tokenHash: string) => keep(client, [phone, tokenHash, 'again']),
    /** The sessions of a phone; of all, where none is named, for a person who looks: it walks through every key. */
    async list(phone: string | undefined): Promise<ListedSession[]> {
      const clients = phone === undefined ? await allClients(redis) : await sessions.active(phone);
      const found = await Promise.all(
        clients.sort().map(async (client): Promise<ListedSession> => {
          const [owner, token] = await withRetry(() =>
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

function restoring({ connection, keys, run }: Database) {
  /**
   * Give a client the session that it had in another store; can be repeated after a crash.
   * @param tokenHash - SHA-256 in hex.
   * @returns `'same'` when it has this one already; `'other_token'` when it has one of this phone, `'other_phone'` of another one:
   *   that stays.
   */
  return async (client: string, phone: string, tokenHash: string) => {
    const isNew = (await run('keep-session', [keys.session(client)], [phone, tokenHash, 'new'])) === 'stored';
    const [owner, token] = isNew
      ? [phone, tokenHash]
      : await withRetry(() => connection.hmget(keys.session(client), 'phone', 'token'));
    if (owner !== phone) return 'other_phone';
    // Also for one that is there: an earlier run may have ended between the two steps.
    await withRetry(() => connection.sadd(keys.sessions(phone), client));
    if (isNew) return 'stored';
    return token === tokenHash ? 'same' : 'other_token';
  };
}

/** Every client with a session, from all masters of a Cluster. */
async function allClients({ connection, keys }: Database): Promise<string[]> {
  const start = keys.session('');
  const found = new Set<string>();
  for await (const batch of scanKeys(connection, start))
    for (const key of batch) found.add(key.slice(start.length));
  return [...found];
}
