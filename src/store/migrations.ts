import type { StoredProfile } from './profiles.ts';
import { type Database, persist } from './redis.ts';
import { versions } from './version.ts';

/** A migration to a phone that was asked for and not yet ended. */
export interface Migration {
  /** The old phone. */
  readonly from: string;
  /** Whether the profile is the new phone's by now; others may still have to be told. */
  readonly isSettled: boolean;
}

/**
 * Moving a profile to another phone. The two phones may live on two servers, so it goes in steps, each of which can be
 * done again after a crash: put aside at the old phone, copied, given to the new phone.
 */
export interface Migrations {
  /**
   * Remember for 24 hours that a phone asks to move; the last request of an old phone counts.
   * @param key - the request's key; its record is kept in the same step.
   * @returns `'changed'` if another migration to that phone is being carried out.
   */
  ask(oldPhone: string, newPhone: string, key: string): Promise<'stored' | 'changed'>;
  find(newPhone: string): Promise<Migration | undefined>;
  /** Put the profile aside; `'not_found'` if there is none, or it does not want to move there any more. */
  begin(migration: Migration, newPhone: string): Promise<'stored' | 'not_found'>;
  /**
   * Give the profile to the new phone.
   * @param replaced - what stands there.
   * @returns `'changed'` if something else stands there.
   */
  settle(
    migration: Migration,
    newPhone: string,
    replaced: StoredProfile | undefined,
  ): Promise<'stored' | 'changed'>;
  /** Nothing is left to do. */
  end(migration: Migration, newPhone: string, key: string): Promise<void>;
}

const pendingSeconds = 24 * 60 * 60;

/** A copy that a crash left behind; the next try makes another. */
const copyMs = 60 * 60_000;

export function openMigrations(redis: Database, doneSeconds: number): Migrations {
  const { connection, keys } = redis;
  const nextVersion = versions();

  /** DUMP and RESTORE copy a hash of any size in one reply and one command, also to another server. */
  const copy = async (from: string, to: string): Promise<void> => {
    const dump = await persist(() => connection.dumpBuffer(from));
    if (dump) await persist(() => connection.restore(to, copyMs, dump, 'REPLACE'));
    else await persist(() => connection.del(to));
  };

  return {
    async ask(oldPhone, newPhone, key) {
      await persist(() => connection.set(keys.migrating(oldPhone), newPhone, 'EX', pendingSeconds));
      const answer = await redis.run(
        'ask-migration',
        [keys.migration(newPhone), keys.done(newPhone, key)],
        [oldPhone, pendingSeconds, doneSeconds],
      );
      return answer === 'changed' ? answer : 'stored';
    },
    async find(newPhone) {
      const [from, settled] = await persist(() =>
        connection.hmget(keys.migration(newPhone), 'from', 'settled'),
      );
      return from ? { from, isSettled: settled !== null } : undefined;
    },
    async begin({ from }, newPhone) {
      const moved = [
        keys.profile(from),
        keys.contacts(from),
        keys.leaving(from),
        keys.leavingContacts(from),
        keys.migrating(from),
      ];
      const dropped = keys.ofPhone(from).filter((key) => !moved.includes(key));
      const answer = await redis.run('begin-move', [...moved, ...dropped], [newPhone]);
      return answer === 'not_found' ? answer : 'stored';
    },
    async settle({ from }, newPhone, replaced) {
      const [arriving, arrivingContacts] = [keys.arriving(newPhone), keys.arrivingContacts(newPhone)];
      await copy(keys.leaving(from), arriving);
      await copy(keys.leavingContacts(from), arrivingContacts);
      const answer = await redis.run(
        'settle-move',
        [
          keys.profile(newPhone),
          keys.contacts(newPhone),
          arriving,
          arrivingContacts,
          keys.migration(newPhone),
        ],
        [replaced?.version ?? '', nextVersion(), Date.now()],
      );
      return answer === 'changed' ? answer : 'stored';
    },
    async end({ from }, newPhone, key) {
      await persist(() => connection.unlink(keys.leaving(from), keys.leavingContacts(from)));
      await redis.run('end-move', [keys.migration(newPhone), keys.done(newPhone, key)], [doneSeconds]);
    },
  };
}
