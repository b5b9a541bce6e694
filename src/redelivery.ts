import type { Delivery } from './mqtt/connection.ts';
import { refusalIn, requestKey, wordOf } from './store/answers.ts';

/**
 * Whether the record that a request is done is of this very delivery, and not left over from an earlier request that had the
 * same packet identifier. The broker says so (DUP), or the Correlation Data does, also of a client that sends again by itself;
 * or we were taken for dead, and it is our heir's. Who was refused, and sends the same again, wants to try again.
 */
export async function isOfThis(delivery: Delivery, record: string): Promise<boolean> {
  if (delivery.redelivered) return true;
  const isRefusal = refusalIn(wordOf(record)) !== undefined;
  return (delivery.correlationData !== undefined && !isRefusal) || !(await delivery.isOurs());
}

/** What tells this request from any other, over its redeliveries. */
export function keyOf({ broker, packetId, payload, correlationData }: Delivery, client: string): string {
  return requestKey({ client, payload, correlationData, origin: `${broker.session} ${packetId}` });
}
