import type { Inbound } from './inbound.ts';
import type { Outbound } from './outbound.ts';

/** A connection that ends in good order. */
export interface Departing {
  readonly inbound: Inbound;
  readonly outbound: Outbound;
  readonly isConnected: () => boolean;
  readonly isClosing: () => boolean;
  /** The number of the current connection. */
  readonly connection: () => number;
  /** Resolves when `condition` holds, or when closed. */
  readonly until: (condition: () => boolean) => Promise<void>;
  /** Look at the conditions of `until` again. */
  readonly wake: () => void;
  /** @returns false when the connection broke. */
  readonly unsubscribe: () => Promise<boolean>;
}

/**
 * Unsubscribe, and finish and acknowledge all that the broker holds. Resolves also when closed.
 * @param lingerMs - how long no message may have come; for brokers that resend one now and then.
 */
export async function drain(departing: Departing, lingerMs: number): Promise<void> {
  while (!departing.isClosing() && !(await isDrained(departing, lingerMs)));
}

/**
 * Unsubscribe, wait until nothing is in work, then unsubscribe again as a fence. The broker handles packets in order, and
 * sends its queue while it handles PUBACKs. So an UNSUBACK after the last PUBACK, without a PUBLISH before it, proves
 * that the queue is empty.
 * @returns false when a message arrived or the connection broke meanwhile: try again.
 */
async function isDrained(departing: Departing, lingerMs: number): Promise<boolean> {
  const { inbound, outbound, until, unsubscribe } = departing;
  await until(departing.isConnected);
  const connection = departing.connection();
  if (!(await unsubscribe())) return false;
  await until(() => inbound.idle && !inbound.passedOver && outbound.idle);
  const { received } = inbound;
  if (lingerMs > 0) await linger(departing, lingerMs);
  if (!(await unsubscribe())) return false;
  return connection === departing.connection() && inbound.idle && inbound.received === received;
}

/** Ends early when closed. */
async function linger({ until, wake }: Departing, milliseconds: number): Promise<void> {
  let isOver = false;
  const timer = setTimeout(() => {
    isOver = true;
    wake();
  }, milliseconds);
  await until(() => isOver);
  clearTimeout(timer);
}

/**
 * Finish and acknowledge what is in work. Without UNSUBSCRIBE more messages come; they stay unacknowledged, for whoever has
 * the session next.
 */
export async function finish({ inbound, outbound, isConnected, until }: Departing): Promise<void> {
  inbound.stop();
  await until(() => isConnected() && inbound.idle && outbound.idle);
}
