import { setTimeout as sleep } from 'node:timers/promises';
import type { Fragment } from '../etf/index.ts';
import { writeContact } from '../protocol/contact.ts';
import { splitPhoneId } from '../protocol/phone.ts';
import type { ContactEntry } from '../protocol/roster.ts';
import type { Notice } from './outcome.ts';

/** How many counterparties are changed and notified at a time. */
const batchSize = 16;

/**
 * Changes a profile's entry in the roster of a counterparty.
 * @param other - the counterparty's phone.
 * @param entry - where the profile's entry stands there, if it does.
 * @param ourRoster - the roster in which the profile holds the counterparty.
 * @returns the entry as stored; `undefined` if there is none: only a phone that holds the profile as a contact is notified.
 */
type ChangeEntry = (other: string, entry: ContactEntry, ourRoster: string) => Promise<Fragment | undefined>;

/**
 * Change a profile's entry in the rosters of its contacts, and tell them.
 *
 * Only a contact whose own roster holds this profile as a contact is touched: that mutual check is what keeps a raw
 * `set` from being a way to send notices to strangers.
 * @param phone - whose profile it is.
 * @param entries - that profile's contacts.
 * @returns a `'Contact'` notice for each entry, in batches; the work for a batch begins when it is asked for.
 * @see docs/protocol.md, "Counterparties"
 */
export async function* notifyCounterparties(
  phone: string,
  entries: readonly ContactEntry[],
  change: ChangeEntry,
): AsyncGenerator<readonly Notice[]> {
  for (let from = 0; from < entries.length; from += batchSize) {
    const began = performance.now();
    const batch = entries.slice(from, from + batchSize).map((entry) => notifyOne(phone, entry, change));
    yield (await Promise.all(batch)).filter((notice) => notice !== undefined);
    // Others get twice as much of the worker, the broker and Redis.
    if (from + batchSize < entries.length) await sleep(2 * (performance.now() - began));
  }
}

/** The other side's entry for us stands in the roster that its `phone_id` names, under the `phone_id` of ours. */
async function notifyOne(
  phone: string,
  entry: ContactEntry,
  change: ChangeEntry,
): Promise<Notice | undefined> {
  const other = splitPhoneId(entry.phoneId);
  if (other === undefined) return undefined;
  const theirEntry = { roster: other.roster, phoneId: `${phone}_${entry.roster}` };
  const contact = await change(other.phone, theirEntry, entry.roster);
  return contact && { phone: other.phone, payload: writeContact(contact) };
}
