import { setTimeout as sleep } from 'node:timers/promises';
import { encodeFragment, type Fragment } from '../etf/index.ts';
import { changeContact } from '../records/contact.ts';
import { type ContactPlace, contactPlaces, renameContact } from '../records/roster.ts';
import { Fault } from './fault.ts';
import { type Database, persist } from './redis.ts';
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

  /** Try until nobody has changed what was read; `attempt` returns `'changed'` if somebody has. */
  const untilUnchanged = async <T>(attempt: () => Promise<T | 'changed'>): Promise<T> => {
    for (let count = 1; count <= mostAttempts; count++) {
      const result = await attempt();
      if (result !== 'changed') return result;
      await sleep(Math.random() * count);
    }
    throw new Fault('a contact changed too often under us');
  };

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
    rename: (phone, place, newPhoneId, cause) =>
      untilUnchanged(async () => {
        const field = contactField(place);
        const newField = contactField({ ...place, phoneId: newPhoneId });
        const done = keys.done(phone, `${cause}:${field}`);
        const [[version, outlines], [contact, renamed]] = await Promise.all([
          persist(() => connection.hmgetBuffer(keys.profile(phone), 'version', 'outlines')),
          persist(() => connection.hmgetBuffer(keys.contacts(phone), field, newField)),
        ]);
        if (!contact || !version || !outlines) {
          const isDone = renamed && (await persist(() => connection.exists(done))) === 1;
          return isDone ? renamed : undefined;
        }
        const next = changeContact(contact, { phone_id: encodeFragment(Buffer.from(newPhoneId)) });
        const answer = await redis.run(
          'rename-contact',
          [keys.contacts(phone), keys.profile(phone), done],
          [
            version,
            nextVersion(),
            field,
            newField,
            next,
            renameContact(outlines, place, newPhoneId),
            doneSeconds,
          ],
        );
        return answer === 'changed' ? answer : next;
      }),
  };
}

/** The field of a contact in its hash: `<roster id>:<phone_id>`. */
export function contactField({ roster, phoneId }: ContactPlace): string {
  return `${roster}:${phoneId}`;
}
