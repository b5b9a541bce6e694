import { setTimeout as sleep } from 'node:timers/promises';
import type { Fragment } from '../etf/index.ts';
import { type ContactPlace, contactPlaces } from '../records/roster.ts';
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
}

/** So many others may change a contact between our reading and our writing before we call it a fault. */
const mostAttempts = 100;

export function openContacts(redis: Database): Contacts {
  const { connection, keys } = redis;
  const nextVersion = versions();
  return {
    async places(phone) {
      const outlines = await persist(() => connection.hgetBuffer(keys.profile(phone), 'outlines'));
      return outlines ? contactPlaces(outlines) : [];
    },
    async change(phone, place, change) {
      const field = contactField(place);
      for (let attempt = 1; attempt <= mostAttempts; attempt++) {
        const contact = await persist(() => connection.hgetBuffer(keys.contacts(phone), field));
        if (!contact) return undefined;
        const next = change(contact);
        const answer = await redis.run(
          'replace-contact',
          [keys.contacts(phone), keys.profile(phone)],
          [field, contact, next, nextVersion()],
        );
        if (answer === 'stored') return next;
        await sleep(Math.random() * attempt);
      }
      throw new Fault('a contact changed too often under us');
    },
  };
}

/** The field of a contact in its hash: `<roster id>:<phone_id>`. */
export function contactField({ roster, phoneId }: ContactPlace): string {
  return `${roster}:${phoneId}`;
}
