import { atom, encodeFragment } from '../etf/index.ts';
import { changeContact } from '../records/contact.ts';
import { unset } from '../records/fields.ts';
import { writeProfile } from '../records/profile.ts';
import type { Removal } from '../store/removals.ts';
import { tellCounterparties } from './counterparties.ts';
import type { Handler, Means } from './handler.ts';
import { type Notice, type Request, refuse } from './outcome.ts';

/**
 * `remove`: delete the profile, its verifications, credentials, limits and all sessions of the phone.
 *
 * Answers `{'Profile',Phone,[],[],[],0,0,[],remove}` to every client with an active session of the phone; then a
 *         `'Contact'` with status `deleted` to `ses/<phone>` of each mutual contact.
 * Refuses `not_found`.
 * @see docs/protocol.md, "remove"
 */
export const remove: Handler = async (request, means) => {
  const { sent, phone } = request;
  const removal = request.done === undefined ? await begin(request, means) : await means.removals.find(phone);
  if (removal === 'not_found') return refuse(removal);
  const payload = writeProfile(phone, nothingLeft, 'remove', sent.size);
  const others = removal?.clients.filter((client) => client !== request.replyTo.client) ?? [];
  return {
    result: 'ok',
    answers: [{ payload }, ...others.map((client) => ({ to: { client }, payload }))],
    ...(removal && { notices: finish(phone, removal, means) }),
  };
};

async function begin(request: Request, { removals, sessions }: Means) {
  if (request.stored === undefined) return 'not_found';
  return removals.begin(request, await sessions.active(request.phone));
}

/** What a crash can cut off, and a redelivery takes up again: each step may be done twice. */
async function* finish(
  phone: string,
  { clients, places }: Removal,
  means: Means,
): AsyncGenerator<readonly Notice[]> {
  await means.sessions.remove(phone, clients);
  yield* tellCounterparties(phone, places, (other, entry) =>
    means.contacts.change(other, entry, (contact) => changeContact(contact, { status: deleted })),
  );
  await means.removals.end(phone);
}

const deleted = encodeFragment(atom('deleted'));

const nothingLeft = {
  services: unset,
  rosters: unset,
  settings: unset,
  update: 0,
  balance: encodeFragment(0),
  presence: unset,
};
