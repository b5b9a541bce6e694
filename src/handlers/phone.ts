import { settingValue } from '../protocol/feature.ts';
import type { Refusal } from '../protocol/io.ts';
import { readPhone } from '../protocol/phone.ts';
import { contactCount } from '../protocol/roster.ts';
import type { Migration } from '../store/proposals.ts';
import { untilUnchanged } from '../store/until-unchanged.ts';
import type { Context, RecordedHandler } from './handler.ts';
import { isTaken } from './migrate.ts';
import { answerProfile, type RecordedRequest, refuse } from './outcome.ts';

/**
 * `phone`: confirm a migration. The client's session belongs to the new phone, so both phones were shown to be the
 * user's.
 *
 * Several old phones may ask to move there. The one is meant that the request names (`OLD_PHONE` in `settings`), else the
 * one that this client asked for, else the only one.
 * The profile moves to the new phone, where an empty one is replaced; the old phone's sessions move along; contacts of
 * counterparties get the new `phone_id`.
 * Answers `{'Profile',…,phone}`, `update` the server's time, to every client with an active session of the new phone, those
 *         that have just moved included; then two `'Contact'`s to `ses/<phone>` of each mutual friend: the old `phone_id` with
 *         status `deleted`, and the new one.
 * Refuses `not_authorized` without a pending migration, or where it is not clear which; `already_exists` if the new phone
 *         got rosters or verified services meanwhile; `busy` while another profile is just moving to the old phone, or
 *         another one than is named to the new phone; `invalid_data` for an `OLD_PHONE` that is no phone.
 * @see docs/protocol.md, "phone"
 */
export const phone: RecordedHandler = {
  async handle(request, context) {
    const oldPhone = settingValue(request.sent.settings, 'OLD_PHONE');
    const named = oldPhone && readPhone(oldPhone);
    if (oldPhone !== undefined && named === undefined) return refuse('invalid_data');
    const migration = await move(request, named, context);
    // If another worker has carried it out just now, this refusal is not recorded, and that decision replayed.
    if (migration === undefined || typeof migration === 'string')
      return refuse(migration ?? 'not_authorized');
    // Before the answer: a client that receives it finds the old phone's sessions at the new one.
    await context.sessions.move(migration.from, migration.to, migration.claim ?? '');
    await context.migrations.endLeaving(migration);
    const clients = await context.sessions.active(request.phone);
    const profile = await context.profiles.read(request.phone);
    if (profile === undefined) return refuse('not_authorized');
    const { answers, ...answer } = answerProfile(request.sent, profile);
    const others = clients.filter((client) => client !== request.replyTo.client);
    return {
      ...answer,
      answers: answers.flatMap((own) => [own, ...others.map((client) => ({ ...own, to: { client } }))]),
      sessionsEnded: migration.from,
      onSent: () => context.migrations.answered(migration, request.ref),
      fanOut: request.phone,
      contacts: contactCount(profile.rosters),
    };
  },
  // The move has ended, and is not done again, though another phone may ask to move here by now.
  replay: ({ sent, stored, phone: fanOut }) =>
    stored === undefined ? refuse('not_authorized') : { ...answerProfile(sent, stored), fanOut },
};

/**
 * Move the profile; each step may be done twice.
 * @param named - the old phone that the request names.
 * @returns the migration, settled; `undefined` if there is none, or none any more.
 */
async function move(
  { phone: to, ref, stored, sessionPhone, replyTo: { client } }: RecordedRequest,
  named: string | undefined,
  { migrations, profiles, sessions }: Context,
): Promise<Migration | Refusal | undefined> {
  const choose = () => migrations.choose(to, { client, named });
  // 'changed': another worker has taken it in hand, or the new phone's profile has changed.
  return untilUnchanged(await choose(), choose, async (found) => {
    // Delivered again to a client that is signed out by now, it confirms nothing; what is under way goes on.
    const isUnderWay = found !== undefined && found !== 'busy' && found.claim !== undefined;
    if (sessionPhone !== to && !isUnderWay) return 'not_authorized';
    if (found === undefined || found === 'busy' || found.isSettled) return found;
    if (found.claim === undefined && isTaken(stored)) return 'already_exists';
    const migration = await migrations.claim(found, ref);
    if (migration === undefined) return 'changed';
    const begun = await migrations.begin(migration, ref);
    if (begun === 'busy') return begun;
    if (begun === 'not_found') return undefined;
    await sessions.mark(migration.from, await sessions.active(migration.from), migration.claim);
    const replaced = await profiles.read(to);
    if (isTaken(replaced))
      return (await migrations.abort(migration)) === 'stored' ? 'already_exists' : 'changed';
    const answer = await migrations.settle(migration, replaced);
    return answer === 'changed' ? answer : { ...migration, isSettled: true };
  });
}
