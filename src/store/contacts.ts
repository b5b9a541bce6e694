import { encodeFragment, type Fragment } from '../etf/index.ts';
import { slices } from '../lib/slices.ts';
import { uniqueId } from '../lib/unique-id.ts';
import { changeContact, contactPhoneId, isBan, isFriend } from '../protocol/contact.ts';
import { type ContactEntry, type ContactRename, renameContacts } from '../protocol/roster.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';
import type { ScriptArgument } from './redis/scripts.ts';
import { untilUnchanged } from './until-unchanged.ts';

/** Where a contact stands: in whose profile, and where there. */
export interface ContactPlace {
  readonly phone: string;
  readonly entry: ContactEntry;
}

/** @returns `undefined` for a contact that is to stay as it is. */
type ChangeContact = (contact: Fragment) => Fragment | undefined;

/**
 * Hears of a contact whose record cannot be read or changed; that contact is then as one that is not there. It throws what
 * is to end all.
 */
export type SkipRecord = (error: unknown) => void;

/** How a change of many contacts is made. */
interface ChangeOptions {
  /** Names what it is done for, if `change` lets a contact be that it has changed: a record is kept then. */
  readonly cause?: string;
  readonly skip: SkipRecord;
}

/**
 * The contacts of profiles, each a small field of its own, so that changing one rewrites no other.
 * @param doneSeconds - for so long it is known that a contact was changed.
 */
export function openContacts(redis: Database, doneSeconds: number) {
  const { connection, keys } = redis;
  const read = ({ phone, entry }: ContactPlace) => readContact(connection, keys.contacts(phone), entry);

  const changeFrom = (first: Found, place: ContactPlace, change: ChangeContact, cause?: string) => {
    const { phone, entry } = place;
    const done = keys.doneWord(phone, contactRecord(cause ?? '', entry));
    return untilUnchanged(
      first,
      () => read(place),
      async (current) => {
        if (current === undefined) return undefined;
        const { field, contact } = current;
        const next = change(contact);
        if (next === undefined) {
          const isDone = cause !== undefined && (await withRetry(() => connection.exists(done))) === 1;
          return isDone ? contact : undefined;
        }
        const answer = await redis.run(
          'replace-contact',
          [keys.contacts(phone), keys.profile(phone), done],
          [field, contact, next, uniqueId(), cause === undefined ? 0 : doneSeconds],
        );
        // Who resumes after a freeze, or has the request again, changes nothing that its owner has changed since.
        if (answer === 'done') return contact;
        return answer === 'changed' ? answer : next;
      },
    );
  };

  return {
    /**
     * Change one contact as one step.
     * @param cause - names what it is done for, if `change` lets a contact be that it has changed: a record is kept then.
     * @returns the contact as stored, also if it was changed for this cause before; `undefined` if there is none, or it is
     *   to stay as it is.
     */
    change: async (phone: string, entry: ContactEntry, change: ChangeContact, cause?: string) =>
      changeFrom(await read({ phone, entry }), { phone, entry }, change, cause),
    /**
     * The same for many, each a step of its own. All are read in one round trip, so one that is not there costs no other.
     * @returns what `change` returns, for each place.
     */
    async changeAll(places: readonly ContactPlace[], change: ChangeContact, { cause, skip }: ChangeOptions) {
      const skipped = (error: unknown) => {
        skip(error);
        return undefined;
      };
      // ioredis makes one pipeline of the commands of a turn of the event loop.
      const found = await Promise.all(places.map((place) => read(place).catch(skipped)));
      return Promise.all(
        places.map((place, index) => {
          const first = found[index];
          return first && changeFrom(first, place, change, cause).catch(skipped);
        }),
      );
    },
    renameAll: openRenameAll(redis, doneSeconds),
  };
}

function openRenameAll(redis: Database, doneSeconds: number) {
  const { keys } = redis;
  const rename = renaming(redis, doneSeconds);
  /**
   * Give contacts that are friends another `phone_id`, those of one phone as one step, with a record of it.
   * @param newPhoneIdOf - by the number of the place.
   * @param options - `cause` names what it is done for; by it a repetition finds the record.
   * @returns for each place the contact as stored, also if it was renamed for this cause before; `undefined` if there is no
   *   friend, or the new `phone_id` is banned there: that entry stays then, and the friend's goes.
   */
  return async (
    places: readonly ContactPlace[],
    newPhoneIdOf: (index: number) => string,
    { cause, skip }: ChangeOptions & { readonly cause: string },
  ): Promise<(Fragment | undefined)[]> => {
    const ofPhones = new Map<string, number[]>();
    for (const [index, { phone }] of places.entries())
      ofPhones.set(phone, [...(ofPhones.get(phone) ?? []), index]);
    const results = places.map((): Fragment | undefined => undefined);
    const renameOf = async (phone: string, indices: readonly number[]) => {
      const [profile, contacts] = [keys.profile(phone), keys.contacts(phone)];
      const renames = indices.map((index) => renameOfPlace(places[index], newPhoneIdOf(index)));
      const target = {
        profile,
        contacts,
        done: keys.doneWord(phone, cause),
        isMeant: isFriend,
        staysAt: isBan,
      };
      const renamed = await rename(target, renames);
      for (const [at, index] of indices.entries()) results[index] = renamed[at];
    };
    await Promise.all(
      [...ofPhones].map(([phone, indices]) =>
        renameOf(phone, indices).catch((error: unknown) => {
          for (const _ of indices) skip(error);
        }),
      ),
    );
    return results;
  };
}

function renameOfPlace(place: ContactPlace | undefined, newPhoneId: string): NewName {
  return { entry: place?.entry ?? { roster: '', phoneId: '' }, newPhoneId };
}

/** A contact, and the `phone_id` that it is to have. */
export interface NewName {
  readonly entry: ContactEntry;
  readonly newPhoneId: string;
}

/** The keys of a profile, of its contacts, and of the record which of them were renamed. */
export interface RenameTarget {
  readonly profile: string;
  readonly contacts: string;
  readonly done: string;
  /** Which contacts are renamed; default all. */
  readonly isMeant?: (contact: Fragment) => boolean;
  /** Which contacts that have the new name already keep it, so that the renamed one goes; default none. */
  readonly staysAt?: (contact: Fragment) => boolean;
}

/** Gives contacts of one profile, under whatever keys that stands, other `phone_id`s; as `Contacts.renameAll`. */
export function renaming(redis: Database, doneSeconds: number) {
  const { connection } = redis;
  return async (target: RenameTarget, names: readonly NewName[]): Promise<(Fragment | undefined)[]> => {
    const { profile, contacts, done, isMeant = () => true, staysAt = () => false } = target;
    const newFields = names.map(({ entry, newPhoneId }) => contactField({ ...entry, phoneId: newPhoneId }));
    const read = () =>
      Promise.all([
        withRetry(() => connection.hmgetBuffer(profile, 'version', 'outlines')),
        Promise.all(names.map(({ entry }) => readContact(connection, contacts, entry))),
        Promise.all(
          names.map(({ entry, newPhoneId }) =>
            readContact(connection, contacts, { ...entry, phoneId: newPhoneId }),
          ),
        ),
        withRetry(() => connection.hmget(done, ...newFields)),
      ]);
    return untilUnchanged(await read(), read, async ([[version, skeletons], olds, news, areDone]) => {
      const changes: ContactRename[] = [];
      const words: ScriptArgument[] = [];
      const results = names.map(({ entry, newPhoneId }, index) => {
        const [old, renamed] = [olds[index], news[index]?.contact];
        if (!old || !version || !skeletons)
          return renamed && areDone[index] === '1' && isMeant(renamed) ? renamed : undefined;
        const { field, contact } = old;
        if (!isMeant(contact)) return undefined;
        const kept = renamed && staysAt(renamed) ? renamed : undefined;
        const next = kept ?? changeContact(contact, { phone_id: encodeFragment(Buffer.from(newPhoneId)) });
        changes.push({ entry, newPhoneId: kept ? undefined : newPhoneId });
        words.push(field, newFields[index] ?? '', next);
        return kept ? undefined : next;
      });
      if (!version || !skeletons || changes.length === 0) return results;
      const renamedSkeletons = await slices.run(renameContacts(skeletons, changes));
      const answer = await redis.run(
        'rename-contacts',
        [contacts, profile, done],
        [version, uniqueId(), renamedSkeletons, doneSeconds, ...words],
      );
      return answer === 'changed' ? answer : results;
    });
  };
}

/** Names the record that a contact was changed for a cause, in `done:{phone}:…`. */
function contactRecord(cause: string, entry: ContactEntry): string {
  return `${cause}:${contactField(entry)}`;
}

/**
 * The field of a contact in its hash: `<roster id>:<phone_id>`, or `:<length>:<roster id>:<phone_id>` for an id with a colon,
 * since `a` with `b:c` must differ from `a:b` with `c`. No roster id is empty, so only the second form begins with a colon.
 */
export function contactField({ roster, phoneId }: ContactEntry): string {
  return roster.includes(':') ? `:${roster.length}:${roster}:${phoneId}` : `${roster}:${phoneId}`;
}

/**
 * The field in which an earlier version kept the contact, if that was another: then ids with a colon had no form of their own.
 * What stands there may be of another roster, see `isOf`.
 */
export function earlierField({ roster, phoneId }: ContactEntry): string | undefined {
  return roster.includes(':') ? `${roster}:${phoneId}` : undefined;
}

/** Whether a contact in an earlier field is that of the entry: its `phone_id` tells how the field is to be read. */
function isOf({ phoneId }: ContactEntry, contact: Fragment): boolean {
  return contactPhoneId(contact) === phoneId;
}

/** The contact of an entry among all of a profile, by their fields. */
export function contactIn(
  contacts: Readonly<Record<string, Buffer>>,
  entry: ContactEntry,
): Buffer | undefined {
  const contact = contacts[contactField(entry)];
  if (contact !== undefined) return contact;
  const earlier = contacts[earlierField(entry) ?? ''];
  return earlier && isOf(entry, earlier) ? earlier : undefined;
}

/** A contact with the field in which it stands. */
type Found = { readonly field: string; readonly contact: Buffer } | undefined;

async function readContact(
  connection: Database['connection'],
  key: string,
  entry: ContactEntry,
): Promise<Found> {
  const field = contactField(entry);
  const contact = await withRetry(() => connection.hgetBuffer(key, field));
  if (contact) return { field, contact };
  const earlier = earlierField(entry);
  const moved = earlier && (await withRetry(() => connection.hgetBuffer(key, earlier)));
  return earlier && moved && isOf(entry, moved) ? { field: earlier, contact: moved } : undefined;
}
