import type { Fragment } from '../etf/index.ts';
import { type Steps, sortInSteps } from '../lib/slices.ts';
import { writeContact } from '../protocol/contact.ts';
import { splitPhoneId } from '../protocol/phone.ts';
import type { ContactEntry } from '../protocol/roster.ts';
import type { Sizes } from '../store/contact-sizes.ts';
import type { ContactPlace } from '../store/contacts.ts';
import type { Notice } from './outcome.ts';

/** A contact of a profile, and where the contact's own roster holds that profile. */
export interface Counterparty {
  /** Names the contact, and is its place in the order in which contacts hear. */
  readonly name: string;
  readonly place: ContactPlace;
  /** The roster in which the profile holds the contact. */
  readonly ourRoster: string;
}

/**
 * Changes a profile's entries in the rosters of counterparties.
 * @returns for each the entry as stored; `undefined` if there is none: only a phone that holds the profile as a contact is notified.
 */
export type ChangeEntries = (batch: readonly Counterparty[]) => Promise<readonly (Fragment | undefined)[]>;

/**
 * The counterparties of a profile in steps, in an order that no `set` changes. Those of one phone stand together.
 * The other side's entry for us stands in the roster that its `phone_id` names, under the `phone_id` of ours.
 * @param phone - whose profile it is, as counterparties know it.
 * @param entries - that profile's contacts.
 * @param after - the name of the one after which to begin.
 */
export function* counterpartiesOf(
  phone: string,
  entries: readonly ContactEntry[],
  after: string | undefined,
): Steps<Counterparty[]> {
  const all: Counterparty[] = [];
  for (const [index, entry] of entries.entries()) {
    if (index % entriesInStep === entriesInStep - 1) yield;
    const name = JSON.stringify([entry.phoneId, entry.roster]);
    const other = splitPhoneId(entry.phoneId);
    if (other === undefined || (after !== undefined && name <= after)) continue;
    const theirEntry = { roster: other.roster, phoneId: `${phone}_${entry.roster}` };
    all.push({ name, place: { phone: other.phone, entry: theirEntry }, ourRoster: entry.roster });
  }
  return yield* sortInSteps(all, (a, b) => (a.name < b.name ? -1 : 1));
}

const entriesInStep = 256;

/** What a counterparty hears of an entry, by the entry as it is stored now: a `'Contact'` each, in this order. */
export type Told = (contact: Fragment, counterparty: Counterparty) => readonly Fragment[];

/** What is done with a profile's entries, and what its contacts hear of it. */
export interface Changes {
  readonly change: ChangeEntries;
  /** What `change` reads of each. */
  readonly sizes: (batch: readonly Counterparty[]) => Promise<Sizes>;
  /** Default: the entry as it is stored. */
  readonly told?: Told;
}

/**
 * Change a profile's entry in the rosters of its contacts.
 *
 * Only a contact whose own roster holds this profile as a contact is touched: that mutual check is what keeps a raw
 * `set` from being a way to send notices to strangers.
 * @returns the `'Contact'` notices for each entry.
 * @see docs/protocol.md, "Counterparties"
 */
export async function noticesFor(
  batch: readonly Counterparty[],
  change: ChangeEntries,
  told: Told = (contact) => [contact],
): Promise<Notice[]> {
  const contacts = await change(batch);
  return batch.flatMap((counterparty, index) => {
    const contact = contacts[index];
    if (contact === undefined) return [];
    const { phone } = counterparty.place;
    return told(contact, counterparty).map((each) => ({ phone, payload: writeContact(each) }));
  });
}
