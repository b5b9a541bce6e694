import { readInteger } from '../protocol/fields.ts';
import { readPresence } from '../protocol/presence.ts';
import { contactCount } from '../protocol/roster.ts';
import type { ProfileChange, StoredProfile } from '../store/profiles.ts';
import type { RecordedHandler } from './handler.ts';
import { answerProfile, type Outcome, type Request, refuse, refuseOrReplay } from './outcome.ts';

/** A client's clock may be so far ahead of ours; a time beyond it is not taken. */
const maxAheadMs = 5 * 60_000;

/**
 * `update`: take the time and the presence of a device, and tell the contacts.
 *
 * `update` becomes the request's time if that is newer than the stored one, `presence` the sent one unless `[]`.
 * Answers `{'Profile',…,update}`; then a `'Contact'` to `ses/<phone>` of each mutual friend.
 * Refuses `not_found`, and `invalid_data` for a time that is no integer or a presence that is neither a short atom nor a short binary.
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
      return {
        ...(isNewer && { update: Number(time) }),
        ...(presence && { presence }),
        ...(contactsToTell(before) > 0 && { news: true }),
      };
    };
    const profile = await context.profiles.change(ref, stored, 'ok', change);
    return typeof profile === 'string' ? refuseOrReplay(profile) : tell(request, profile);
  },
  // A crash may have cut off the note that contacts are to hear.
  replay: (request) => (request.stored === undefined ? refuse('not_found') : tell(request, request.stored)),
};

function tell({ sent, phone }: Request, profile: StoredProfile): Outcome {
  const answer = answerProfile(sent, profile);
  return contactsToTell(profile) === 0 ? answer : { ...answer, fanOut: phone };
}

/** How many counterparties a fan-out looks at, at most. */
export function contactsToTell(stored: StoredProfile | undefined): number {
  return stored === undefined ? 0 : contactCount(stored.rosters);
}
