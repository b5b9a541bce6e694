import type { Migration } from '../store/migrations.ts';
import { tellCounterparties } from './counterparties.ts';
import type { Handler, Means } from './handler.ts';
import { isTaken } from './migrate.ts';
import { answerProfile, type Notice, type Request, refuse } from './outcome.ts';

/**
 * `phone`: confirm a migration. The client's session belongs to the new phone, so both phones were shown to be the
 * user's.
 *
 * The profile moves to the new phone, where an empty one is replaced; the old phone's sessions move along; contacts of
 * counterparties get the new `phone_id`.
 * Answers `{'Profile',…,phone}`, `update` the server's time; then a `'Contact'` to `ses/<phone>` of each mutual contact.
 * Refuses `not_authorized` without a pending migration; `already_exists` if the new phone got rosters or verified
 *         services meanwhile.
 * @see docs/protocol.md, "phone"
 */
export const phone: Handler = async (request, means) => {
  const migration = await means.migrations.find(request.phone);
  if (migration === undefined && request.done === undefined) return refuse('not_authorized');
  const refusal = migration && !migration.isSettled ? await move(request, migration, means) : undefined;
  if (refusal !== undefined) return refuse(refusal);
  const profile = await means.profiles.read(request.phone);
  if (profile === undefined) return refuse('not_authorized');
  return {
    ...answerProfile(request.sent, profile, 'phone'),
    ...(migration && { notices: finish(request, migration, means) }),
  };
};

/** Move the profile; each step may be done twice. */
async function move({ phone: to, stored }: Request, migration: Migration, means: Means) {
  const { migrations, profiles } = means;
  for (let replaced = stored; ; replaced = await profiles.read(to)) {
    // Somebody else may have settled it, and ended it, meanwhile.
    const current = await migrations.find(to);
    if (current === undefined || current.isSettled) return undefined;
    if (isTaken(replaced)) return 'already_exists';
    if ((await migrations.begin(migration, to)) === 'not_found') return 'not_authorized';
    if ((await migrations.settle(migration, to, replaced)) === 'stored') return undefined;
  }
}

/** What a crash can cut off, and a redelivery takes up again: each step may be done twice. */
async function* finish(
  request: Request,
  migration: Migration,
  means: Means,
): AsyncGenerator<readonly Notice[]> {
  const { contacts, migrations, sessions } = means;
  const { phone: to, key } = request;
  const { from } = migration;
  await sessions.move(from, to);
  yield* tellCounterparties(from, await contacts.places(to), (other, entry, ourRoster) =>
    contacts.rename(other === from ? to : other, entry, `${to}_${ourRoster}`),
  );
  await migrations.end(migration, to, key);
}
