/**
 * How a connection ended:
 * - `blamed`: the broker's DISCONNECT reports a wrong packet of this side.
 * - `closed`: the other side closed it without such a reason.
 * - `unrelated`: the reason has nothing to do with the packets sent.
 */
export type Ending = 'blamed' | 'closed' | 'unrelated';

/** A publication that the broker has not confirmed. */
export interface Suspect {
  isSuspect: boolean;
  /** Stays the same when it is published again. */
  readonly subject: object;
  /** The broker has read all of it (QoS 2). */
  readonly isReceived: boolean;
}

/** One connection that closes without a reason may be a network fault; this many in a row with one suspect are not. */
const MAX_CLOSED = 3;

/**
 * Finds the publication at which the broker ends the connection.
 *
 *     all at once ──the connection ends──▶ one at a time ──all suspects confirmed──▶ all at once
 *
 * Publications that are unconfirmed when a connection ends are suspect. The next connection sends them one at a time,
 * after several round trips have shown that it works. A suspect is the culprit when it was alone in flight
 * - and the broker blamed a packet, once;
 * - or the connection closed three times in a row, and the broker accepted the session again at once each time.
 *
 * A restart, an earlier network failure, a keep-alive time-out and a session takeover prove nothing: they reset the count.
 */
export class Suspects<T extends Suspect> {
  #count = 0;
  /** The suspect that was alone in flight when the last connection ended. */
  #accused: T | undefined;
  #strikes = 0;
  /** The last connection ended with the accused alone in flight; no broker has answered since. */
  #isStruck = false;
  #isAccepted = false;
  #isProven = false;

  /** Whether suspects wait for `proven`. */
  get needProof(): boolean {
    return this.#count > 0 && !this.#isProven;
  }

  /** Whether the next publication may be sent now. */
  allow(unconfirmed: number): boolean {
    return this.#count === 0 || (this.#isProven && unconfirmed === 0);
  }

  /** Several round trips succeeded on this connection. */
  proven(): void {
    this.#isProven = true;
  }

  /** CONNACK. @returns the publication to drop. */
  accepted(sessionPresent: boolean): T | undefined {
    const isGuilty = this.#isStruck && sessionPresent && this.#strikes >= MAX_CLOSED;
    const culprit = isGuilty ? this.#accused : undefined;
    if (!sessionPresent || culprit) this.#acquit();
    this.#isAccepted = true;
    this.#isProven = this.#isStruck = false;
    if (culprit) this.confirmed(culprit);
    return culprit;
  }

  /** A connection ended or failed. */
  ended(unconfirmed: readonly T[], ending: Ending): void {
    const [first] = unconfirmed;
    const isAlone = first !== undefined && unconfirmed.length === 1 && !first.isReceived;
    const wasFair = this.#isAccepted && ending !== 'unrelated';
    this.#isAccepted = false;
    if (!wasFair) this.#acquit();
    else if (isAlone && ending === 'blamed') this.#strike(first, MAX_CLOSED);
    else if (isAlone && first.isSuspect) this.#strike(first, 1);
    else this.#acquit();
    if (wasFair) for (const publication of unconfirmed) this.#suspect(publication);
  }

  /** The broker confirmed or refused it: it is no longer suspect. */
  confirmed(publication: T): void {
    if (!publication.isSuspect) return;
    publication.isSuspect = false;
    this.#count--;
    if (publication.subject === this.#accused?.subject) this.#acquit();
  }

  /** It is not sent again under this publication. @returns whether it was suspect. */
  withdrawn(publication: T): boolean {
    if (!publication.isSuspect) return false;
    publication.isSuspect = false;
    this.#count--;
    return true;
  }

  /** A withdrawn publication is published again. */
  returned(publication: T): void {
    this.#suspect(publication);
  }

  #suspect(publication: T): void {
    if (publication.isSuspect || publication.isReceived) return;
    publication.isSuspect = true;
    this.#count++;
  }

  #strike(accused: T, strikes: number): void {
    this.#strikes = accused.subject === this.#accused?.subject ? this.#strikes + strikes : strikes;
    this.#accused = accused;
    this.#isStruck = true;
  }

  #acquit(): void {
    this.#accused = undefined;
    this.#strikes = 0;
    this.#isStruck = false;
  }
}
