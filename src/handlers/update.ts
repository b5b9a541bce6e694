import { encodeFragment } from '../etf/index.ts';
import { changeContact, isFriend } from '../protocol/contact.ts';
import { isUnset, readInteger } from '../protocol/fields.ts';
import { readPresence } from '../protocol/presence.ts';
import { friendPlaces } from '../protocol/roster.ts';
import type { ProfileChange, StoredProfile } from '../store/profiles.ts';
import { notifyCounterparties } from './counterparties.ts';
import type { Context, RecordedHandler } from './handler.ts';
import { answerProfile, type Notice, type Outcome, type Request, refuse, refuseOrReplay } from './outcome.ts';
import { renameAtCounterparties } from './phone.ts';

/** A client's clock may be so far ahead of ours; a time beyond it is not taken. */
const maxAheadMs = 5 * 60_000;

/**
 * `update`: take the time and the presence of a device, and tell the contacts.
 *
 * `update` becomes the request's time if that is newer than the stored one, `presence` the sent one unless `[]`.
 * Answers `{'Profile',…,update}`; then a `'Contact'` to `ses/<phone>` of each mutual friend.
 * Refuses `not_found`, and `invalid_data` for a time that is no integer or a presence that is no atom.
 * @see docs/protocol.md, "update"
 */
export const update: RecordedHandler = {
  async handle(request, context) {
    const { sent, stored, ref } = request;
    const time = readInteger(sent.update);
    const presence = readPresence(sent.presence);
    if (time === undefined || presence === 'invalid_data') return refuse('invalid_data');
    const change = (before: StoredProfile | undefined): ProfileChange | 'not_found' => {
      if (before === undefined) return 'not_found';
      const isNewer = time > before.update && time <= Date.now() + maxAheadMs;
      return { ...(isNewer && { update: Number(time) }), ...(presence && { presence }) };
    };
    const profile = await context.profiles.change(ref, stored, 'ok', change);
    return typeof profile === 'string' ? refuseOrReplay(profile) : tell(request, profile, context);
  },
  // A crash may have cut off the notices.
  replay: (request, _word, context) =>
    request.stored === undefined ? refuse('not_found') : tell(request, request.stored, context),
};

function tell({ sent, phone }: Request, profile: StoredProfile, context: Context): Outcome {
  const answer = answerProfile(sent, profile, 'update');
  return isUnset(profile.rosters) ? answer : { ...answer, notices: notifyContacts(context, phone, profile) };
}

/**
 * Notifies the contacts again until the last notice is what is stored. Two devices may update at once, and the older
 * news may reach a contact last.
 */
async function* notifyContacts(
  context: Context,
  phone: string,
  profile: StoredProfile,
): AsyncGenerator<readonly Notice[]> {
  const { contacts, migrations, profiles } = context;
  const migration = await migrations.find(phone);
  // Who moved a moment ago, or whose move a crash cut off, is still known to contacts by the old number.
  if (migration?.isSettled) yield* renameAtCounterparties(migration, friendPlaces(profile.rosters), context);
  for (let notified: StoredProfile | undefined; !isSameNews(notified, profile); ) {
    const friends = friendPlaces(profile.rosters);
    if (friends.length === 0) return;
    const news = { update: encodeFragment(profile.update), presence: profile.presence };
    yield* notifyCounterparties(phone, friends, (other, entry) =>
      contacts.change(other, entry, (contact) =>
        isFriend(contact) ? changeContact(contact, news) : undefined,
      ),
    );
    notified = profile;
    profile = (await profiles.read(phone)) ?? notified;
  }
}

function isSameNews(a: StoredProfile | undefined, b: StoredProfile): boolean {
  return a !== undefined && a.update === b.update && Buffer.compare(a.presence, b.presence) === 0;
}
