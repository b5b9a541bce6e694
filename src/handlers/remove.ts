import { atom, encodeFragment, type Fragment } from '../etf/index.ts';
import { changeContact, outlivesRemoval } from '../protocol/contact.ts';
import { writeProfile } from '../protocol/profile.ts';
import type { Removal } from '../store/removals.ts';
import { SERVICE } from '../store/sessions.ts';
import { emptyFields } from '../store/stored-profile.ts';
import { untilUnchanged } from '../store/until-unchanged.ts';
import type { Context, RecordedHandler } from './handler.ts';
import { type Outcome, type RecordedRequest, type Request, refuse, refuseOrReplay } from './outcome.ts';

/**
 * `remove`: delete the profile, its verifications, credentials and all sessions of the phone. Its limits stay.
 *
 * Answers `{'Profile',Phone,[],[],[],0,0,[],remove}` to every client with an active session of the phone; then a
 *         `'Contact'` with status `deleted` to `ses/<phone>` of each mutual contact that is not `deleted` already, and not
 *         banned or ignored on either side.
 * Refuses `not_found`; `busy` while another profile is just moving to the phone.
 * @see docs/protocol.md, "remove"
 */
export const remove: RecordedHandler = {
  async handle(request, context) {
    const begun = await ownBegun(request, context);
    if (begun !== undefined) return carryOut(request, begun, context);
    if (!isAuthorized(request)) return refuse('not_authorized');
    const removal = await begin(request, context);
    return typeof removal === 'string' ? refuseOrReplay(removal) : carryOut(request, removal, context);
  },
  replay: async (request, _word, context) =>
    carryOut(request, await context.removals.find(request.phone), context),
};

/**
 * The removal that this very request has begun, where its idempotency record has lapsed. The sessions that it ended authorized it:
 * only its own client's request has its key.
 */
async function ownBegun(
  { phone, ref, delivery }: RecordedRequest,
  { removals }: Context,
): Promise<Removal | undefined> {
  if (!delivery.redelivered) return undefined;
  const removal = await removals.find(phone);
  return removal?.request === ref.key ? removal : undefined;
}

const isAuthorized = ({ sessionPhone, phone }: Request): boolean =>
  sessionPhone === SERVICE || sessionPhone === phone;

/** @param removal - `undefined` once it has ended. */
async function carryOut(
  { sent, phone, replyTo }: Request,
  removal: Removal | undefined,
  context: Context,
): Promise<Outcome> {
  // Before the answer: a client that hears of the removal has no session of the phone any more.
  if (removal !== undefined && !removal.hasEndedSessions) {
    await context.sessions.remove(phone, removal.clients, removal.mark);
    await context.removals.endSessions(phone, removal.mark);
  }
  const payload = writeProfile(phone, emptyFields, 'remove', sent.size);
  const others = removal?.clients.filter((client) => client !== replyTo.client) ?? [];
  return {
    result: 'ok',
    answers: [{ payload }, ...others.map((client) => ({ to: { client }, payload }))],
    ...(removal && {
      sessionsEnded: phone,
      onSent: () => context.removals.answered(phone, removal.mark),
      fanOut: phone,
      contacts: removal.entries.length,
    }),
  };
}

async function begin(request: RecordedRequest, context: Context) {
  const { phone, ref, stored, replyTo } = request;
  const { removals, sessions, profiles } = context;
  const mark = removals.newMark();
  const read = () => profiles.read(phone);
  return untilUnchanged(stored, read, async (profile) => {
    if (profile === undefined) return 'not_found';
    // The asking client has a session, also if the set of them does not name it; unless it is a trusted service.
    const own = request.sessionPhone === SERVICE ? [] : [replyTo.client];
    const clients = [...new Set([...own, ...(await sessions.active(phone))])];
    await sessions.mark(phone, clients, mark);
    // It says 'changed' too if a client has signed in meanwhile, or come with a profile that moved here: it goes as well.
    return removals.begin(ref, profile, clients, mark);
  });
}

/** What a contact becomes whose phone is removed; `undefined` if it stays as it is. */
export const markDeleted = (contact: Fragment): Fragment | undefined =>
  outlivesRemoval(contact) ? undefined : changeContact(contact, { status: deleted });

const deleted = encodeFragment(atom('deleted'));
