import type { RefusalRecord } from '../handlers/outcome.ts';
import type { Delivery } from '../mqtt/connection.ts';
import { refusalIn, requestKey, wordOf } from '../store/idempotency-records.ts';
import type { Found } from '../store/request-state.ts';

/** Where it is kept what became of a request. */
export interface RecordKeys {
  /** Of what was done. A client's own repetition with the same Correlation Data has the same. */
  readonly request: string;
  /** Of what was refused. Only a redelivery has the same: whoever is told `busy` may try again. */
  readonly delivery: string;
}

/** What became of a request when it was delivered before. */
export interface Past {
  readonly done: string | undefined;
  readonly refused: string | undefined;
  readonly refusal: RefusalRecord;
}

/** What tells this request from any other, over its redeliveries. */
export function keysOf(delivery: Delivery, client: string): RecordKeys {
  const { broker, packetId, payload, correlationData } = delivery;
  const origin = `${broker.session} ${packetId}`;
  const ofDelivery = requestKey({ client, payload, origin, correlationData: undefined });
  if (correlationData === undefined) return { request: ofDelivery, delivery: ofDelivery };
  return { request: requestKey({ client, payload, origin, correlationData }), delivery: ofDelivery };
}

/**
 * A record may be left over from an earlier request that had the same packet identifier: see {@link isRepeated}.
 * @param trusts - whether Correlation Data alone tells that the request came before; else only the broker's word counts.
 */
export async function pastOf(
  delivery: Delivery,
  keys: RecordKeys,
  found: Found,
  trusts: boolean,
): Promise<Past> {
  const { record } = found;
  const refusal = { key: keys.delivery, record: found.refusal };
  const refused = refusalIn(wordOf(found.refusal));
  if (refused !== undefined && (await isRepeated(delivery))) return { refusal, refused, done: undefined };
  const word = wordOf(record);
  const isDone =
    word !== undefined &&
    refusalIn(word) === undefined &&
    ((trusts && delivery.correlationData !== undefined) || (await isRepeated(delivery)));
  return { refusal, refused: undefined, done: isDone ? word : undefined };
}

/**
 * Whether this very delivery has come before, to us or to another: the broker says so (DUP); or we were taken for dead, and
 * our heir has it.
 */
async function isRepeated(delivery: Delivery): Promise<boolean> {
  return delivery.redelivered || !(await delivery.isOurs());
}
