import { isUnset } from '../protocol/fields.ts';
import { hasVerified, readServices } from '../protocol/service.ts';
import type { StoredProfile } from '../store/profiles.ts';
import type { Quota } from '../store/quotas.ts';
import { untilUnchanged } from '../store/until-unchanged.ts';
import type { RecordedHandler } from './handler.ts';
import { refuse, refuseOrReplay, succeed } from './outcome.ts';

/** Requests of one old phone to move: each may leave a key at another phone, and tells whether that one is taken. */
const proposalsOfPhone: Quota = { name: 'migrate', max: 30, windowMs: 60 * 60_000, minGapMs: 0 };

/**
 * `migrate`: ask to move the session's profile to the request's phone; that phone confirms with `phone`.
 *
 * Remembered for 24 hours; the last request of an old phone counts, beside those of others.
 * Answers `{io,{ok,migration},<<>>}`.
 * Refuses `already_exists` if the new phone is the old one, or has a profile with rosters or verified services;
 *         `not_found` if there is no profile to move; `too_many_requests` after 30 in an hour of the old phone.
 * @see docs/protocol.md, "migrate"
 */
export const migrate: RecordedHandler = {
  async handle(request, { migrations, profiles, quotas }) {
    const { sessionPhone, phone, ref, stored, delivery, replyTo } = request;
    if (sessionPhone === undefined) return refuse('not_authorized');
    if (sessionPhone === phone) return refuse('already_exists');
    const slot = await quotas.acquire(proposalsOfPhone, sessionPhone, ref, delivery.redelivered);
    if (typeof slot === 'string') return refuse('too_many_requests');
    const proposer = { client: replyTo.client, oldPhone: sessionPhone, ref };
    const read = () => profiles.read(phone);
    return untilUnchanged(stored, read, async (replaced) => {
      if (isTaken(replaced)) return refuse('already_exists');
      const answer = await migrations.ask(proposer, replaced);
      if (answer === 'stored') return succeed('migration');
      if (answer === 'changed') return answer;
      return refuseOrReplay(answer === 'busy' ? 'already_exists' : answer);
    });
  },
  replay: () => succeed('migration'),
};

/** Whether a phone has a profile that a move must not replace: one with rosters or verified services. */
export function isTaken(profile: StoredProfile | undefined): boolean {
  if (profile === undefined) return false;
  return !isUnset(profile.rosters) || hasVerified(readServices(profile.services) ?? []);
}
