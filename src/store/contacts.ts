import { encodeFragment, type Fragment } from '../etf/index.ts';
import { uniqueId } from '../lib/unique-id.ts';
import { changeContact, contactPhoneId, isBan, isFriend } from '../protocol/contact.ts';
import { type ContactEntry, removeContact, renameContact } from '../protocol/roster.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';
import { untilUnchanged } from './until-unchanged.ts';

/**
 * The contacts of profiles, each a small field of its own, so that changing one rewrites no other.
 * @param doneSeconds - for so long it is known that a contact was changed.
 */
export function openContacts(redis: Database, doneSeconds: number) {
  const { connection, keys } = redis;
  const rename = renaming(redis, doneSeconds);
  return {
    /**
     * Change one contact as one step.
     * @param change - returns `undefined` for a contact that is to stay as it is.
     * @param cause - names what it is done for, if `change` lets a contact be that it has changed: a record is kept then.
     * @returns the contact as stored, also if it was changed for this cause before; `undefined` if there is none, or it is
     *   to stay as it is.
     */
    async change(
      phone: string,
      entry: ContactEntry,
      change: (contact: Fragment) => Fragment | undefined,
      cause?: string,
    ) {
      const done = keys.doneWord(phone, contactRecord(cause ?? '', entry));
      const read = () => readContact(connection, keys.contacts(phone), entry);
      return untilUnchanged(await read(), read, async (found) => {
        if (found === undefined) return undefined;
        const { field, contact } = found;
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
        // Who was thawed, or has the request again, changes nothing that its owner has changed since.
        if (answer === 'done') return contact;
        return answer === 'changed' ? answer : next;
      });
    },
    /**
     * Give one contact that is a friend another `phone_id` as one step, with a record of it.
     * @param cause - names what it is done for; by it a repetition finds the record.
     * @returns the contact as stored, also if it was renamed for this cause before; `undefined` if there is no friend, or
     *   the new `phone_id` is banned there: that entry stays then, and the friend's goes.
     */
    rename(
      phone: string,
      entry: ContactEntry,
      newPhoneId: string,
      cause: string,
    ): Promise<Fragment | undefined> {
      const [profile, contacts] = [keys.profile(phone), keys.contacts(phone)];
      const done = keys.doneWord(phone, contactRecord(cause, entry));
      return rename({ profile, contacts, done, isMeant: isFriend, staysAt: isBan }, entry, newPhoneId);
    },
  };
}

/** The keys of a profile, of its contacts, and of the record that one of them was renamed. */
export interface RenameTarget {
  readonly profile: string;
  readonly contacts: string;
  readonly done: string;
  /** Which contacts are renamed; default all. */
  readonly isMeant?: (contact: Fragment) => boolean;
  /** Which contacts that have the new name already keep it, so that the renamed one goes; default none. */
  readonly staysAt?: (contact: Fragment) => boolean;
}

/** Gives one contact of a profile, under whatever keys that stands, another `phone_id`; as `Contacts.rename`. */
export function renaming(redis: Database, doneSeconds: number) {
  const { connection } = redis;
  return async (
    { profile, contacts, done, isMeant = () => true, staysAt = () => false }: RenameTarget,
    entry: ContactEntry,
    newPhoneId: string,
  ): Promise<Fragment | undefined> => {
    const newField = contactField({ ...entry, phoneId: newPhoneId });
    const read = () =>
      Promise.all([
        withRetry(() => connection.hmgetBuffer(profile, 'version', 'outlines')),
        readContact(connection, contacts, entry),
        readContact(connection, contacts, { ...entry, phoneId: newPhoneId }),
      ]);
    return untilUnchanged(await read(), read, async ([[version, skeletons], found, there]) => {
      const renamed = there?.contact;
      if (!found || !version || !skeletons) {
        const isDone = renamed && (await withRetry(() => connection.exists(done))) === 1;
        return isDone && isMeant(renamed) ? renamed : undefined;
      }
      const { field, contact } = found;
      if (!isMeant(contact)) return undefined;
      const kept = renamed && staysAt(renamed) ? renamed : undefined;
      const next = kept ?? changeContact(contact, { phone_id: encodeFragment(Buffer.from(newPhoneId)) });
      const nextSkeletons = kept
        ? removeContact(skeletons, entry)
        : renameContact(skeletons, entry, newPhoneId);
      const answer = await redis.run(
        'rename-contact',
        [contacts, profile, done],
        [version, uniqueId(), field, newField, next, nextSkeletons, doneSeconds],
      );
      if (answer === 'changed') return answer;
      return kept ? undefined : next;
    });
  };
}

/** Names the record that a contact was changed for a cause, in `done:{phone}:…`. */
export function contactRecord(cause: string, entry: ContactEntry): string {
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

async function readContact(connection: Database['connection'], key: string, entry: ContactEntry) {
  const field = contactField(entry);
  const contact = await withRetry(() => connection.hgetBuffer(key, field));
  if (contact) return { field, contact };
  const earlier = earlierField(entry);
  const moved = earlier && (await withRetry(() => connection.hgetBuffer(key, earlier)));
  return earlier && moved && isOf(entry, moved) ? { field: earlier, contact: moved } : undefined;
}
