import { type Steps, slices } from '../lib/slices.ts';
import { uniqueId } from '../lib/unique-id.ts';
import { splitPhoneId } from '../protocol/phone.ts';
import { type ContactEntry, contactEntries } from '../protocol/roster.ts';
import { renaming } from './contacts.ts';
import { packRecord, placeOf, type RequestRef } from './idempotency-records.ts';
import type { Keys } from './keys.ts';
import type { StoredProfile } from './profiles.ts';
import { type Migration, openProposals, pendingSeconds } from './proposals.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';

/** A migration that is being carried out. */
export interface ClaimedMigration extends Migration {
  readonly claim: string;
}

/** A copy that a crash left behind; the next try makes another. */
const copyMs = 60 * 60_000;

/** So many contacts are renamed in one step, which rewrites the list of all of them once. */
const renamedAtOnce = 256;

/**
 * Moving a profile to another phone. The two phones may live on two servers, so it goes in steps, each of which can be
 * done again after a crash: claimed at the new phone, put aside at the old one, copied, given to the new phone; or put
 * back, if the new phone can't take it any more. A profile that holds itself as a contact is renamed in the copy, so that
 * nobody reads it under the new phone with the old one in it.
 *
 * Two workers may carry out one migration: two devices confirm it, or one worker was frozen and taken for dead. The one
 * that claimed it last settles it or puts it back; the other's step changes nothing, and it looks anew.
 * @see docs/architecture.md, "Changes that span phones"
 */
export function openMigrations(redis: Database, doneSeconds: number) {
  const { keys } = redis;

  const proposals = openProposals(redis, doneSeconds);

  const rename = renaming(redis, doneSeconds);

  const dropCopy = (to: string, claim: string) =>
    withRetry(() => redis.connection.unlink(...copyKeys(keys, to, claim)));

  const release = ({ to, claim }: ClaimedMigration) => {
    const own = [keys.migration(to), ...copyKeys(keys, to, claim)];
    return redis.run('release-migration', own, [claim, pendingSeconds]);
  };

  return {
    ...proposals,
    /** Take it in hand; `undefined` if it is settled, or another one by now. */
    async claim(migration: Migration, { deadline }: RequestRef): Promise<ClaimedMigration | undefined> {
      const claim = uniqueId();
      const { from, to } = migration;
      const answer = await redis.run('claim-migration', [keys.migration(to)], [from, claim], deadline);
      if (answer !== 'stored') return undefined;
      // Who had it in hand before may have ended during its copy.
      if (migration.claim !== undefined) await dropCopy(to, migration.claim);
      return { ...migration, claim };
    },
    /**
     * Put the profile aside.
     * @returns `'not_found'` if there is none, or it does not want to move there any more;
     *   `'busy'` while another profile is just moving to the old phone.
     */
    async begin(migration: ClaimedMigration, { deadline }: RequestRef) {
      const { from, to, claim } = migration;
      const places = [...movingKeys(keys, from), keys.migration(from)];
      const answer = await redis.run('begin-move', places, [to, claim], deadline);
      if (answer !== 'stored') await release(migration);
      return answer;
    },
    /**
     * Give the profile to the new phone.
     * @param replaced - what stands there.
     * @returns `'changed'` if something else stands there, or another worker has the migration in hand.
     */
    async settle({ from, to, claim }: ClaimedMigration, replaced: StoredProfile | undefined) {
      const [arriving, arrivingContacts] = copyKeys(keys, to, claim);
      await copy(redis, keys.leaving(from), arriving);
      await copy(redis, keys.leavingContacts(from), arrivingContacts);
      const own = await ownEntries(redis, arriving, from);
      const target = { profile: arriving, contacts: arrivingContacts, done: keys.doneWord(to, claim) };
      for (let at = 0; at < own.length; at += renamedAtOnce)
        await rename(
          target,
          own
            .slice(at, at + renamedAtOnce)
            .map((entry) => ({ entry, newPhoneId: `${to}${entry.phoneId.slice(from.length)}` })),
        );
      const answer = await redis.run(
        'settle-move',
        [keys.profile(to), keys.contacts(to), arriving, arrivingContacts, keys.migration(to)],
        [claim, replaced?.version ?? '', uniqueId(), Date.now()],
      );
      if (answer === 'changed') await dropCopy(to, claim);
      return answer;
    },
    /** Give the profile back to the old phone; the migration waits again. `'changed'` if another worker has it in hand. */
    async abort(migration: ClaimedMigration): Promise<'stored' | 'changed'> {
      const { from, to, claim } = migration;
      // A later claim may have settled the migration: then the profile put aside is the one that has moved.
      // Each later claim puts the profile aside under another name, so that it is not given back from here.
      const found = await proposals.find(to);
      if (found?.claim !== claim || found.isSettled) return 'changed';
      const answer = await redis.run('abort-migration', movingKeys(keys, from), [claim, pendingSeconds]);
      if (answer === 'stored') await release(migration);
      return answer;
    },
    /** The profile has moved, and the sessions with it: nothing of the old phone stays, and it may begin again. */
    async endLeaving({ from, to }: Migration) {
      const places = [keys.leaving(from), keys.leavingContacts(from), ...keys.besideProfile(from)];
      await redis.run('end-leaving', places, [to]);
    },
    /**
     * The request is answered: what is left is to notify the contacts.
     * @param request - its record is written in the same step.
     */
    async answered({ to, claim = '' }: Migration, { key }: RequestRef) {
      const done = placeOf(keys, to, key);
      const args = [claim, packRecord(`ok ${claim}`), doneSeconds, done.field];
      await redis.run('record-move', [keys.migration(to), done.key], args);
    },
  };
}

/** What a profile stands in, what it is put aside in, and what says where it is to go. */
function movingKeys(keys: Keys, phone: string): string[] {
  return [
    keys.profile(phone),
    keys.contacts(phone),
    keys.leaving(phone),
    keys.leavingContacts(phone),
    keys.migrating(phone),
  ];
}

/** What a profile is copied to at its new phone; a copy of each claim's own, since two workers may carry out one move. */
function copyKeys(keys: Keys, to: string, claim: string): [string, string] {
  return [keys.arriving(to, claim), keys.arrivingContacts(to, claim)];
}

/** Where a profile that is copied holds itself as a contact, under its old phone. */
async function ownEntries({ connection }: Database, arriving: string, from: string) {
  const skeletons = await withRetry(() => connection.hgetBuffer(arriving, 'outlines'));
  return skeletons ? await slices.run(entriesOf(skeletons, from)) : [];
}

function* entriesOf(skeletons: Buffer, phone: string): Steps<ContactEntry[]> {
  const found: ContactEntry[] = [];
  for (const [index, entry] of (yield* contactEntries(skeletons)).entries()) {
    if (splitPhoneId(entry.phoneId)?.phone === phone) found.push(entry);
    if (index % entriesInStep === entriesInStep - 1) yield;
  }
  return found;
}

const entriesInStep = 256;

/** DUMP and RESTORE copy a hash of any size in one reply and one command, also to another server. */
async function copy({ connection }: Database, from: string, to: string): Promise<void> {
  const dump = await withRetry(() => connection.dumpBuffer(from));
  if (dump) await withRetry(() => connection.restore(to, copyMs, dump, 'REPLACE'));
  else await withRetry(() => connection.del(to));
}
