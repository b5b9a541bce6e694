import { hash } from 'node:crypto';
import type { Context } from '../handlers/handler.ts';
import type { RequestRow } from '../handlers/index.ts';
import { decidedByOther, type Outcome, type RecordedRequest, refuse } from '../handlers/outcome.ts';
import type { Delivery } from '../mqtt/connection.ts';
import type { Refusal } from '../protocol/io.ts';
import type { Stores } from '../store/index.ts';
import type { RequestState } from '../store/request-state.ts';
import { SERVICE } from '../store/sessions.ts';
import { isAuthorized } from './authenticator.ts';

/**
 * Idempotency of requests: their keys, what was recorded, what a repeat gets, what is resumed.
 *
 * A record is `<word> <version>` in `done:{phone}:<key>`. The word says what became of the request. The script that writes
 * the effect writes the record too, if the record is still as it was read.
 * @see docs/architecture.md, "Idempotency"
 */

/** The keys of a request's two records. They are equal unless the client sent Correlation Data. */
export interface RequestKeys {
  /** Of what was done. A client's own repeat with the same Correlation Data has the same key. */
  readonly request: string;
  /** Of what was refused. Only a redelivery has the same key: a client that hears `busy` may try again. */
  readonly delivery: string;
}

/** What became of a request when it was delivered before. */
export interface Past {
  /** The word of its record; `undefined` for a first time. */
  readonly word: string | undefined;
  readonly refused: Refusal | undefined;
  /** The record that it was refused, as it was read. */
  readonly refusal: { readonly key: string; readonly record: string };
}

/** Who asks, as far as the past of a request depends on it. */
interface Asker {
  readonly row: RequestRow;
  readonly phone: string;
  readonly sessionPhone: string | undefined;
}

/** The keys of a request, equal in all its redeliveries. Two equal requests differ in packet identifier or Correlation Data. */
export function keysOf(delivery: Delivery, client: string): RequestKeys {
  const { broker, packetId, payload, correlationData } = delivery;
  const origin = JSON.stringify([client, `${broker.session} ${packetId}`]);
  const ofDelivery = keyOf([Buffer.from(origin), payload]);
  if (correlationData === undefined) return { request: ofDelivery, delivery: ofDelivery };
  const parts = [Buffer.from(JSON.stringify([client, ''])), correlationData, zero, payload];
  return { request: keyOf(parts), delivery: ofDelivery };
}

function keyOf(parts: readonly Uint8Array[]): string {
  return hash('sha256', Buffer.concat(parts), 'base64url').slice(0, 22);
}

const zero = Buffer.of(0);

/**
 * Whether any record says what became of a delivery: at the phone that it names or at that of the session, where the refusal of
 * a kind that names any phone stands, and in the layout of the version before.
 */
export async function hasRecord(
  { idempotencyRecords: records, sessions }: Pick<Stores, 'idempotencyRecords' | 'sessions'>,
  delivery: Delivery,
  client: string,
  phone: string,
): Promise<boolean> {
  const { request, delivery: ofDelivery } = keysOf(delivery, client);
  const asking = (await sessions.phoneOf(client)) ?? phone;
  const found = await Promise.all([
    records.read(phone, request),
    records.read(phone, ofDelivery),
    records.read(asking, ofDelivery),
    records.readFormer(phone, request),
    records.readFormer(phone, ofDelivery),
  ]);
  return found.some((record) => record !== '');
}

/**
 * The state of a request with what is not read together with it. The refusal of a kind that names any phone stands with
 * the phone that asks. What comes again may have its record from a worker of the version before.
 */
export async function withRest(
  state: RequestState,
  { request, delivery }: RequestKeys,
  asker: Asker,
  { idempotencyRecords: records }: Pick<Stores, 'idempotencyRecords'>,
): Promise<RequestState> {
  const { phone, row } = asker;
  const own = row.names === 'own' ? state.refusal : await records.read(placeOfRefusal(row, asker), delivery);
  const [record, refusal] = await Promise.all([
    state.record || records.readFormer(phone, request),
    own || records.readFormer(phone, delivery),
  ]);
  return { ...state, record, refusal };
}

/**
 * What became of a request. A record alone does not tell: it may be of an earlier request with the same packet identifier.
 * For a client that may ask, Correlation Data shows a repeat; for others only the broker does.
 */
export function pastOf(
  delivery: Delivery,
  keys: RequestKeys,
  state: RequestState,
  asker: Asker,
): Past | Promise<Past> {
  const refusal = { key: keys.delivery, record: state.refusal };
  if (state.record === '' && state.refusal === '') return { word: undefined, refused: undefined, refusal };
  return readPast(delivery, state, asker, refusal);
}

async function readPast(
  delivery: Delivery,
  state: RequestState,
  asker: Asker,
  refusal: Past['refusal'],
): Promise<Past> {
  const refused = refusalIn(state.refusal);
  if (refused !== undefined && (await isRepeated(delivery))) return { word: undefined, refused, refusal };
  const word = wordIn(state.record);
  const isKnown = word !== undefined && (await isOwnRecord(delivery, state.record, asker)) ? word : undefined;
  return { word: isKnown, refused: undefined, refusal };
}

async function isOwnRecord(delivery: Delivery, record: string, asker: Asker): Promise<boolean> {
  if (delivery.redelivered) return true;
  if (!isOfSession(record, asker)) return false;
  const { row, sessionPhone, phone } = asker;
  const isSentAgain = delivery.correlationData !== undefined && isAuthorized(row, sessionPhone, phone);
  return isSentAgain || isRepeated(delivery);
}

/**
 * Whether the session that asks is of the phone that asked before. For a kind that names any phone, the record holds that
 * phone in the place of the version; once it has moved, it is the phone that the request names.
 */
function isOfSession(record: string, { row, phone, sessionPhone }: Asker): boolean {
  if (row.names === 'own' || sessionPhone === phone) return true;
  return record.slice(record.indexOf(' ') + 1) === sessionPhone;
}

/**
 * Whether this delivery came before, to this worker or to another: the broker marks it (DUP), or another worker has taken
 * over this one's session.
 */
async function isRepeated(delivery: Pick<Delivery, 'redelivered' | 'isStillOwned'>): Promise<boolean> {
  return delivery.redelivered || !(await delivery.isStillOwned());
}

/**
 * Whether a request is handled at all. A crash can cut off what a request does after its effect, and the request may have
 * ended its own session; so some kinds go on without one.
 */
export function mayGoOn(asker: Asker, word: string | undefined, redelivered: boolean): boolean {
  const { row, sessionPhone, phone } = asker;
  if (isAuthorized(row, sessionPhone, phone)) return true;
  if (row.resumes === undefined) return false;
  return word !== undefined || (row.resumes === 'begun' && redelivered);
}

/** Refusals that the same request might not meet a moment later. The others follow from the request, or stand in its record. */
const transientRefusals: ReadonlySet<string> = new Set<Refusal>([
  'not_found',
  'not_authorized',
  'already_exists',
  'too_large',
  'too_many_requests',
  'email_send',
  'busy',
]);

/**
 * Handle a request for the first time, or replay what became of it. A refusal is recorded: delivered again, the request
 * stays refused, whatever has changed since. If another worker decides the request meanwhile, its decision is replayed.
 */
export async function handleOnce(
  row: RequestRow,
  first: RecordedRequest,
  found: Past,
  context: Context,
): Promise<Outcome> {
  const { handler } = row;
  for (
    let request = first, past = found;
    ;
    [request, past] = await readDecision(row, request, past, context)
  ) {
    const { phone, sessionPhone, delivery } = request;
    const isAllowed = isAuthorized(row, sessionPhone, phone);
    if (past.refused !== undefined) return refuse(isAllowed ? past.refused : 'not_authorized');
    if (!mayGoOn({ row, phone, sessionPhone }, past.word, delivery.redelivered))
      return refuse('not_authorized');
    const outcome =
      past.word === undefined || handler.replay === undefined
        ? await handler.handle(request, context)
        : await handler.replay(request, past.word, context);
    if (outcome === decidedByOther) continue;
    if (!isAllowed) return withheld(row, outcome);
    if (past.word !== undefined || !transientRefusals.has(outcome.result)) return outcome;
    const refused = { refusal: past.refusal, word: `${refusedPrefix}${outcome.result}` };
    if (await recordRefusal(row, request, refused, context)) return outcome;
  }
}

/** @returns whether it was recorded; not when another worker has decided the request meanwhile. */
async function recordRefusal(
  row: RequestRow,
  request: RecordedRequest,
  { refusal, word }: Pick<Past, 'refusal'> & { readonly word: string },
  { idempotencyRecords }: Stores,
): Promise<boolean> {
  const { phone, ref } = request;
  const at = placeOfRefusal(row, request);
  if (at !== phone && (await idempotencyRecords.read(phone, ref.key)) !== ref.record) return false;
  const beside = at === phone ? ref : { ...ref, phone: at, key: refusal.key, record: refusal.record };
  return (await idempotencyRecords.recordRefusal(beside, refusal, word)) === 'stored';
}

/**
 * The phone that keeps what was refused. For a kind that names any phone it is that of the session: a client must not leave
 * a record at each of as many phones as it can name.
 */
function placeOfRefusal(
  { names }: Pick<RequestRow, 'names'>,
  { phone, sessionPhone }: Pick<Asker, 'phone' | 'sessionPhone'>,
): string {
  return names === 'any' ? (sessionPhone ?? phone) : phone;
}

/** What a resumed request may answer to a client that may not ask any more; others hear what they are to hear. */
function withheld({ endsSession }: RequestRow, outcome: Outcome): Outcome {
  if (endsSession) return outcome;
  const { answers, result } = refuse('not_authorized');
  return {
    ...outcome,
    result,
    answers: [...answers, ...outcome.answers.filter(({ to }) => to !== undefined)],
  };
}

/** The request with what another worker decided about it, and with its client's session as it is now. */
async function readDecision(
  row: RequestRow,
  request: RecordedRequest,
  { refusal }: Past,
  { idempotencyRecords, profiles, sessions }: Stores,
): Promise<[RecordedRequest, Past]> {
  const { phone, ref, replyTo, delivery } = request;
  const [record, ofDelivery, stored, sessionPhone] = await Promise.all([
    idempotencyRecords.read(phone, ref.key),
    idempotencyRecords.read(placeOfRefusal(row, request), refusal.key),
    profiles.read(phone),
    // A service has no session that could end.
    request.sessionPhone === SERVICE ? SERVICE : sessions.phoneOf(replyTo.client),
  ]);
  const refused = refusalIn(ofDelivery);
  const isKnown =
    refused === undefined && (delivery.redelivered || isOfSession(record, { row, phone, sessionPhone }));
  return [
    { ...request, stored, sessionPhone, ref: { ...ref, record } },
    {
      word: isKnown ? wordIn(record) : undefined,
      refused,
      refusal: { key: refusal.key, record: ofDelivery },
    },
  ];
}

const refusedPrefix = 'refused:';

/** What was done, by the record of a request; `undefined` where there is none, or it was refused. */
function wordIn(record: string): string | undefined {
  return record === '' || record.startsWith(refusedPrefix) ? undefined : record.split(' ', 1)[0];
}

/** What a request was refused with, by its record. */
function refusalIn(record: string): Refusal | undefined {
  if (!record.startsWith(refusedPrefix)) return undefined;
  return record.slice(refusedPrefix.length).split(' ', 1)[0] as Refusal;
}
