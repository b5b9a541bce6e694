import { setTimeout as sleep } from 'node:timers/promises';
import { encodeFragment, type Fragment } from '../etf/index.ts';
import { changeContact } from '../records/contact.ts';
import { type ContactPlace, contactPlaces, renameContact } from '../records/roster.ts';
import { Fault } from './fault.ts';
import { persist } from './persist.ts';
import type { Database } from './redis.ts';
import { versions } from './version.ts';

/** The contacts of profiles, each a small field of its own, so that changing one rewrites no other. */
export interface Contacts {
  /** Where a profile's contacts stand, in their order. */
  places(phone: string): Promise<ContactPlace[]>;
  /**
   * Change one contact as one step.
   * @returns the contact as stored, or `undefined` if there is none at that place.
   */
  change(
    phone: string,
    place: ContactPlace,
    change: (contact: Fragment) => Fragment,
  ): Promise<Fragment | undefined>;
  /**
   * Give one contact another `phone_id` as one step, with a record of it.
   * @param cause - names what it is done for; by it a repetition finds the record.
   * @returns the contact as stored, also if it was renamed for this cause before; `undefined` if there is none.
   */
  rename(
    phone: string,
    place: ContactPlace,
    newPhoneId: string,
    cause: string,
  ): Promise<Fragment | undefined>;
}

/** So many others may change a contact between our reading and our writing before we call it a fault. */
const mostAttempts = 100;

/** @param doneSeconds - for so long it is known that a contact was renamed. */
export function openContacts(redis: Database, doneSeconds: number): Contacts {
  const { connection, keys } = redis;
  const nextVersion = versions();
  const rename = renaming(redis, doneSeconds);
  return {
    async places(phone) {
      const outlines = await persist(() => connection.hgetBuffer(keys.profile(phone), 'outlines'));
      return outlines ? contactPlaces(outlines) : [];
    },
    change: (phone, place, change) =>
      untilUnchanged(async () => {
        const field = contactField(place);
        const contact = await persist(() => connection.hgetBuffer(keys.contacts(phone), field));
        if (!contact) return undefined;
        const next = change(contact);
        const answer = await redis.run(
          'replace-contact',
          [keys.contacts(phone), keys.profile(phone)],
          [field, contact, next, nextVersion()],
        );
        return answer === 'changed' ? answer : next;
      }),
    rename(phone, place, newPhoneId, cause) {
      const [profile, contacts] = [keys.profile(phone), keys.contacts(phone)];
      const done = keys.done(phone, renameRecord(cause, place));
      return rename({ profile, contacts, done }, place, newPhoneId);
    },
  };
}

/** The keys of a profile, of its contacts, and of the record that one of them was renamed. */
export interface RenameKeys {
  readonly profile: string;
  readonly contacts: string;
  readonly done: string;
}

/** Gives one contact of a profile, under whatever keys that stands, another `phone_id`; as `Contacts.rename`. */
export function renaming(redis: Database, doneSeconds: number) {
  const { connection } = redis;
  const nextVersion = versions();
  return (
    { profile, contacts, done }: RenameKeys,
    place: ContactPlace,
    newPhoneId: string,
  ): Promise<Fragment | undefined> =>
    untilUnchanged(async () => {
      const field = contactField(place);
      const newField = contactField({ ...place, phoneId: newPhoneId });
      const [[version, outlines], [contact, renamed]] = await Promise.all([
        persist(() => connection.hmgetBuffer(profile, 'version', 'outlines')),
        persist(() => connection.hmgetBuffer(contacts, field, newField)),
      ]);
      if (!contact || !version || !outlines) {
        const isDone = renamed && (await persist(() => connection.exists(done))) === 1;
        return isDone ? renamed : undefined;
      }
      const next = changeContact(contact, { phone_id: encodeFragment(Buffer.from(newPhoneId)) });
      const nextOutlines = renameContact(outlines, place, newPhoneId);
      const answer = await redis.run(
        'rename-contact',
        [contacts, profile, done],
        [version, nextVersion(), field, newField, next, nextOutlines, doneSeconds],
      );
      return answer === 'changed' ? answer : next;
    });
}

/** Names the record that a contact was renamed for a cause, in `done:{phone}:…`. */
export function renameRecord(cause: string, place: ContactPlace): string {
  return `${cause}:${contactField(place)}`;
}

/** Try until nobody has changed what was read; `attempt` returns `'changed'` if somebody has. */
async function untilUnchanged<T>(attempt: () => Promise<T | 'changed'>): Promise<T> {
  for (let count = 1; count <= mostAttempts; count++) {
    const result = await attempt();
    if (result !== 'changed') return result;
    await sleep(Math.random() * count);
  }
  throw new Fault('a contact changed too often under us');
}

/** The field of a contact in its hash: `<roster id>:<phone_id>`. */
export function contactField({ roster, phoneId }: ContactPlace): string {
  return `${roster}:${phoneId}`;
}
