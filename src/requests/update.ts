import { encodeFragment } from '../etf/index.ts';
import { changeContact } from '../records/contact.ts';
import { canonical, isUnset, readAtom, readInteger } from '../records/fields.ts';
import type { Stores } from '../store/index.ts';
import type { StoredProfile } from '../store/profiles.ts';
import { changeCounterparties } from './counterparties.ts';
import { answerProfile, type Handler, type Notice, refuse } from './outcome.ts';

/** A client's clock may be so far ahead of ours; a time beyond it is not taken. */
const mostAheadMs = 5 * 60_000;

/**
 * `update`: take the time and the presence of a device, and tell the contacts.
 *
 * `update` becomes the request's time if that is newer than the stored one, `presence` the sent one unless `[]`.
 * Answers `{'Profile',…,update}`; then a `'Contact'` to `ses/<phone>` of each mutual contact.
 * Refuses `not_found`, and `invalid_data` for a time that is no integer or a presence that is no atom.
 * @see docs/protocol.md, "update"
 */
export const update: Handler = async ({ sent, stored }, stores) => {
  const time = readInteger(sent.update);
  const presence = isUnset(sent.presence) ? undefined : canonical(sent.presence);
  if (time === undefined || (presence !== undefined && readAtom(presence) === undefined)) {
    return refuse('invalid_data');
  }
  const profile = await stores.profiles.change<'not_found'>(sent.phone, stored, (before) => {
    if (before === undefined) return 'not_found';
    const isNewer = time > before.update && time <= Date.now() + mostAheadMs;
    return { ...(isNewer && { update: Number(time) }), ...(presence && { presence }) };
  });
  if (profile === 'not_found') return refuse(profile);
  return { ...answerProfile(sent, profile, 'update'), notices: tellContacts(stores, sent.phone, profile) };
};

/**
 * Two devices may update at once, and the older news may reach a contact last; so the contacts are told again until
 * what was told is what is stored.
 */
async function* tellContacts(
  { contacts, profiles }: Stores,
  phone: string,
  profile: StoredProfile,
): AsyncGenerator<readonly Notice[]> {
  const places = isUnset(profile.rosters) ? [] : await contacts.places(phone);
  if (places.length === 0) return;
  for (let told: StoredProfile | undefined; !isSameNews(told, profile); ) {
    const news = { update: encodeFragment(profile.update), presence: profile.presence };
    yield* changeCounterparties(contacts, phone, places, (contact) => changeContact(contact, news));
    told = profile;
    profile = (await profiles.read(phone)) ?? told;
  }
}

function isSameNews(a: StoredProfile | undefined, b: StoredProfile): boolean {
  return a !== undefined && a.update === b.update && Buffer.compare(a.presence, b.presence) === 0;
}
