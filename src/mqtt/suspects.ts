/**
 * How a connection ended:
 * - `blamed`: the broker's DISCONNECT says that a packet of ours was wrong.
 * - `closed`: the other side closed it and gave no such reason.
 * - `unrelated`: for a reason that has nothing to do with what was sent.
 */
export type Ending = 'blamed' | 'closed' | 'unrelated';

/** A publication that the broker has not confirmed. */
export interface Suspect {
  isSuspect: boolean;
  /** What stays the same when it is published anew. */
  readonly subject: object;
  /** The broker has read all of it (QoS 2). */
  readonly isReceived: boolean;
}

/** A connection that closes without a reason may be a cut wire; so many in a row, each with the same one alone, are not. */
const MAX_CLOSED = 3;

/**
 * Finds the publication at which the broker ends the connection.
 *
 *     all at once ──the connection ends──▶ one at a time ──all suspects confirmed──▶ all at once
 *
 * What was unconfirmed when a connection ended is suspect. On the next one suspects go one at a time, each after a few
 * round trips have shown that the connection works. A suspect is the culprit when it was alone in flight
 * - and the broker blamed a packet, once;
 * - or the connection was closed, three times in a row, and the broker took us back at once with our session each time.
 *
 * A restart, a network that fails before the suspect is sent, a keep-alive time-out and a session takeover prove
 * nothing: they set the count back.
 */
export class Suspects<T extends Suspect> {
  #count = 0;
  /** The one that was alone in flight when the last connection ended. */
  #accused: T | undefined;
  #strikes = 0;
  /** The last connection ended with the accused alone in flight; the broker was not seen since. */
  #isStruck = false;
  #isAccepted = false;
  #isProven = false;

  /** Whether suspects wait for `proven`. */
  get needProof(): boolean {
    return this.#count > 0 && !this.#isProven;
  }

  /** Whether another publication may be sent now. */
  allow(unconfirmed: number): boolean {
    return this.#count === 0 || (this.#isProven && unconfirmed === 0);
  }

  /** The connection has answered a few round trips. */
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

  /** A connection ended, or could not be made. */
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

  /** It is confirmed or refused: no longer suspect. */
  confirmed(publication: T): void {
    if (!publication.isSuspect) return;
    publication.isSuspect = false;
    this.#count--;
    if (publication.subject === this.#accused?.subject) this.#acquit();
  }

  /** It is not sent again as it is; who publishes it anew says so. @returns whether it is suspect. */
  withdrawn(publication: T): boolean {
    if (!publication.isSuspect) return false;
    publication.isSuspect = false;
    this.#count--;
    return true;
  }

  /** One that was withdrawn is published anew. */
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
