import { atom, encodeFragment } from '../etf/index.ts';
import { changeContact } from '../records/contact.ts';
import { unset } from '../records/fields.ts';
import { writeProfile } from '../records/profile.ts';
import type { Removal } from '../store/removals.ts';
import { tellCounterparties } from './counterparties.ts';
import type { Handler, Means } from './handler.ts';
import { type Notice, type Request, refuse } from './outcome.ts';

/**
 * `remove`: delete the profile, its verifications, credentials and all sessions of the phone. Its limits stay.
 *
 * Answers `{'Profile',Phone,[],[],[],0,0,[],remove}` to every client with an active session of the phone; then a
 *         `'Contact'` with status `deleted` to `ses/<phone>` of each mutual contact.
 * Refuses `not_found`; `busy` while another profile is just moving to the phone.
 * @see docs/protocol.md, "remove"
 */
export const remove: Handler = async (request, means) => {
  const { sent, phone } = request;
  const removal = request.done === undefined ? await begin(request, means) : await means.removals.find(phone);
  if (removal === 'not_found' || removal === 'busy') return refuse(removal);
  // Before the answer: whoever hears that the phone is removed has no session of it any more.
  if (removal !== undefined && !removal.hasEndedSessions) {
    await means.sessions.remove(phone, removal.clients, removal.mark);
    await means.removals.endSessions(phone);
  }
  const payload = writeProfile(phone, nothingLeft, 'remove', sent.size);
  const others = removal?.clients.filter((client) => client !== request.replyTo.client) ?? [];
  return {
    result: 'ok',
    answers: [{ payload }, ...others.map((client) => ({ to: { client }, payload }))],
    ...(removal && { vacated: phone, notices: finish(phone, removal, means) }),
  };
};

async function begin(request: Request, { removals, sessions }: Means) {
  if (request.stored === undefined) return 'not_found';
  const mark = removals.newMark();
  for (;;) {
    // The asking client has a session, also if the set of them does not name it.
    const clients = [...new Set([request.replyTo.client, ...(await sessions.active(request.phone))])];
    await sessions.mark(request.phone, clients, mark);
    const removal = await removals.begin(request, clients, mark);
    // Else a client has signed in meanwhile, or come with a profile that moved here, and goes too.
    if (removal !== 'changed') return removal;
  }
}

/** What a crash can cut off, and a redelivery takes up again: each step may be done twice. */
async function* finish(phone: string, { places }: Removal, means: Means): AsyncGenerator<readonly Notice[]> {
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
