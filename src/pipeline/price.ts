import { type Limits, messageBytes } from '../etf/index.ts';
import type { Outcome } from '../handlers/outcome.ts';

/**
 * What a request costs its client's bucket, in units. A unit is the work of one small `get` over worker, broker and Redis.
 * docs/operations.md says how the figures are measured; tests/unit/pipeline/price.test.ts compares them with bench/simulation/costs.json.
 */

/** A request and its answer up to this size cost one unit together: it is the profile of a person with some 20 contacts. */
const SMALL_BYTES = 4_096;

/** Bytes of a term that are inflated, checked and stored: a `set` of small records takes one or two units of CPU time for so many. */
const READ_BYTES = 1_024;

/**
 * They are copied and not looked at, and take a tenth of a unit of CPU time. But a megabyte on its way through Redis, worker and
 * broker makes others wait for 15 ms, and the broker keeps it for a client that does not read.
 */
const ANSWERED_BYTES = 4_096;

/** A counterparty that has the profile as a contact is changed and told in a quarter of a unit; a stranger costs less. */
const CONTACTS = 4;

/** A request with a call of STS or of the mail server takes 12 to 17 units of CPU time; a tenth of that is its own. */
const CALL_UNITS = 10;

/** Before anything is read or inflated: 1 for a small request. */
export function unitsToRead(payload: Uint8Array, limits: Limits): number {
  return 1 + unitsToRewrite(messageBytes(payload, limits));
}

/** For stored bytes that a request has written again without sending them: as if they had been sent. */
export function unitsToRewrite(bytes: number): number {
  return bytes <= SMALL_BYTES ? 0 : (bytes - SMALL_BYTES) / READ_BYTES;
}

/** For all answers together: 0 for a small one. */
export function unitsToAnswer({ answers }: Pick<Outcome, 'answers'>): number {
  let bytes = 0;
  for (const { payload } of answers) bytes += payload.length;
  return unitsToFetch(bytes);
}

/** For a profile of so many bytes: as for an answer that holds it. */
export function unitsToFetch(bytes: number): number {
  return bytes <= SMALL_BYTES ? 0 : (bytes - SMALL_BYTES) / ANSWERED_BYTES;
}

export function unitsToTell({ contacts = 0 }: Pick<Outcome, 'contacts'>): number {
  return contacts / CONTACTS;
}

export function unitsToCall({ outsideCalls = 0 }: Pick<Outcome, 'outsideCalls'>): number {
  return outsideCalls * CALL_UNITS;
}
