import type { RefusalRecord } from '../handlers/outcome.ts';
import type { Delivery } from '../mqtt/connection.ts';
import { idempotencyKey, refusalOfResult, resultOfRecord } from '../store/idempotency-records.ts';
import type { RequestState } from '../store/request-state.ts';

/** Where it is kept what became of a request. */
export interface IdempotencyKeys {
  /** Of what was done. A client's own repetition with the same Correlation Data has the same. */
  readonly request: string;
  /** Of what was refused. Only a redelivery has the same: whoever is told `busy` may try again. */
  readonly delivery: string;
}

/** What became of a request when it was delivered before. */
export interface PastOutcome {
  readonly done: string | undefined;
  readonly refused: string | undefined;
  readonly refusal: RefusalRecord;
}

/** What tells this request from any other, over its redeliveries. */
export function idempotencyKeysOf(delivery: Delivery, client: string): IdempotencyKeys {
  const { broker, packetId, payload, correlationData } = delivery;
  const origin = `${broker.session} ${packetId}`;
  const ofDelivery = idempotencyKey({ client, payload, origin, correlationData: undefined });
  if (correlationData === undefined) return { request: ofDelivery, delivery: ofDelivery };
  return { request: idempotencyKey({ client, payload, origin, correlationData }), delivery: ofDelivery };
}

/**
 * A record may be left over from an earlier request that had the same packet identifier: see {@link isRedelivery}.
 * @param trusts - whether Correlation Data alone tells that the request came before; else only the broker's word counts.
 */
export async function pastOutcomeOf(
  delivery: Delivery,
  keys: IdempotencyKeys,
  state: RequestState,
  trusts: boolean,
): Promise<PastOutcome> {
  const { record } = state;
  const refusal = { key: keys.delivery, record: state.refusal };
  const refused = refusalOfResult(resultOfRecord(state.refusal));
  if (refused !== undefined && (await isRedelivery(delivery))) return { refusal, refused, done: undefined };
  const word = resultOfRecord(record);
  const isDone =
    word !== undefined &&
    refusalOfResult(word) === undefined &&
    ((trusts && delivery.correlationData !== undefined) || (await isRedelivery(delivery)));
  return { refusal, refused: undefined, done: isDone ? word : undefined };
}

/**
 * Whether this very delivery has come before, to us or to another: the broker says so (DUP); or we were taken for dead, and
 * our heir has it.
 */
async function isRedelivery(delivery: Delivery): Promise<boolean> {
  return delivery.redelivered || !(await delivery.isStillOwned());
}
