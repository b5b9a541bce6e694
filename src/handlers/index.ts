import type { Refusal } from '../protocol/io.ts';
import type { RequestKind } from '../protocol/profile.ts';
import { refusalOfResult, resultOfRecord } from '../store/idempotency-records.ts';
import { aws } from './aws.ts';
import { email } from './email.ts';
import { get } from './get.ts';
import type { Context, Handler } from './handler.ts';
import { link } from './link.ts';
import { migrate } from './migrate.ts';
import { isAuthorized, type Outcome, type Request, refuse } from './outcome.ts';
import { phone } from './phone.ts';
import { remove } from './remove.ts';
import { set } from './set.ts';
import { update } from './update.ts';

/** From the last element of a `'Profile'` to its handler. */
export const handlers: Readonly<Record<RequestKind, Handler>> = {
  get,
  set,
  update,
  link,
  email,
  aws,
  remove,
  migrate,
  phone,
};

/** Where the slow work of each kind is done, as metrics show it. */
export const limiterNames: Readonly<Record<RequestKind, 'fast' | 'fan-out' | 'mail' | 'sts'>> = {
  get: 'fast',
  set: 'fast',
  update: 'fan-out',
  link: 'mail',
  email: 'fast',
  aws: 'sts',
  remove: 'fan-out',
  migrate: 'fast',
  phone: 'fan-out',
};

/** Refusals that the same request might not meet a moment later. The others follow from the request alone, or are kept with its effect. */
const transientRefusals: ReadonlySet<string> = new Set<Refusal>([
  'not_found',
  'not_authorized',
  'already_exists',
  'too_many_requests',
  'email_send',
  'busy',
]);

/**
 * Whether a crash can cut off what such a request does after its effect: delivered again by the broker it goes on, whoever
 * has a session by then.
 */
export function isResumable(kind: RequestKind): boolean {
  return limiterNames[kind] === 'fan-out';
}

/** Handle a request. What was refused stays refused when it is delivered again, whatever has changed since. */
export async function handle(request: Request, context: Context): Promise<Outcome> {
  const { sent, phone, key, done, refused, refusal, sessionPhone } = request;
  const isAllowed = isAuthorized(sent.kind, sessionPhone, phone);
  if (refused !== undefined) return refuse(isAllowed ? (refused as Refusal) : 'not_authorized');
  const outcome = await handlers[sent.kind](request, context);
  if (!isAllowed) return unacked(outcome, sent.kind);
  const { result } = outcome;
  // `get` changes nothing, and has no key; `aws` gives the phone nothing that it may not ask for again.
  if (key === '' || sent.kind === 'aws' || done !== undefined || !transientRefusals.has(result))
    return outcome;
  if ((await context.idempotencyRecords.recordRefusal({ phone, ...refusal }, result)) === 'stored')
    return outcome;
  return handle(await readOtherDecision(request, context), context);
}

/**
 * What a request that was taken up again may say to a client that may not ask any more. `remove` ends its own session, and
 * answers nothing that is stored.
 */
function unacked(outcome: Outcome, kind: RequestKind): Outcome {
  return kind === 'remove' ? outcome : { ...outcome, ...refuse('not_authorized') };
}

/** The request, with what another worker that had it too has decided, and with its client's session as it is now. */
async function readOtherDecision(
  request: Request,
  { idempotencyRecords, profiles, sessions }: Context,
): Promise<Request> {
  const { phone, key, refusal, replyTo } = request;
  const [record, ofDelivery, stored, sessionPhone] = await Promise.all([
    idempotencyRecords.read(phone, key),
    idempotencyRecords.read(phone, refusal.key),
    profiles.read(phone),
    sessions.phoneOf(replyTo.client),
  ]);
  const refused = refusalOfResult(resultOfRecord(ofDelivery));
  const done = refused === undefined ? resultOfRecord(record) : undefined;
  return {
    ...request,
    record,
    stored,
    sessionPhone,
    done,
    refused,
    refusal: { ...refusal, record: ofDelivery },
  };
}
