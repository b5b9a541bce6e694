import type { Stores } from '../store/index.ts';
import type { ProfileChange, StoredProfile } from '../store/profiles.ts';
import { SERVICE } from '../store/sessions.ts';
import type { RecordedRequest } from './outcome.ts';

/**
 * Change the profile of the phone that asks, or make one.
 *
 * A phone that is removed, or moves to another, meanwhile does not get a profile back: a profile that was there and has
 * gone is not made again; and one that is made is dropped if the client's session has ended by then. It stands if another
 * request, such as the `remove` that ended the session, has built on it: then this one came first. A trusted service has no
 * session that could end.
 * @param word - kept in the same step as what became of the request.
 * @param decide - sees the stored state, as in `Profiles.change`.
 * @returns the profile as stored; `'too_large'` beyond the quota; `'not_authorized'` when the phone has gone; `'done'` when another worker has decided the
 *   request meanwhile.
 */
export async function changeOwnProfile<Refused extends string>(
  request: RecordedRequest,
  { profiles, sessions }: Stores,
  word: string,
  decide: (before: StoredProfile | undefined) => ProfileChange | Refused | Promise<ProfileChange | Refused>,
): Promise<StoredProfile | Refused | 'too_large' | 'not_authorized' | 'done'> {
  let isNew = false;
  const { ref, stored } = request;
  const profile = await profiles.change<Refused | 'not_authorized'>(ref, stored, word, (before) => {
    isNew = before === undefined;
    return isNew && stored !== undefined ? 'not_authorized' : decide(before);
  });
  if (!isNew || typeof profile === 'string' || request.sessionPhone === SERVICE) return profile;
  if ((await sessions.phoneOf(request.replyTo.client)) === request.phone) return profile;
  return (await profiles.drop(ref, profile)) === 'changed' ? profile : 'not_authorized';
}
