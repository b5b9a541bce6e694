import type { Outcome } from '../handlers/outcome.ts';
import type { Delivery } from '../mqtt/connection.ts';
import type { ChargedWork, Metrics } from '../telemetry/metrics.ts';
import { unitsToAnswer, unitsToCall, unitsToRewrite, unitsToTell } from './price.ts';
import type { Admission, RateLimiter } from './rate-limiter.ts';

/** Why a payload is not read. */
export type Unread = 'too_many_requests' | 'not_authorized' | 'internal';

/** A request, and what it was charged so far, in units. */
interface ChargedRequest {
  readonly delivery: Pick<Delivery, 'charged'>;
  readonly admission: Admission | undefined;
  readonly units: number;
  readonly spent: number;
}

/** Charges requests to their clients' buckets, and counts what was charged. */
export class Charging {
  readonly #rateLimiter: RateLimiter;
  readonly #metrics: Pick<Metrics, 'charged'>;

  constructor(deps: { readonly rateLimiter: RateLimiter; readonly metrics: Pick<Metrics, 'charged'> }) {
    this.#rateLimiter = deps.rateLimiter;
    this.#metrics = deps.metrics;
  }

  /**
   * Charge a payload that costs more than a small request, before it is inflated or looked at. What is known to be charged
   * already is not charged again.
   */
  admitToRead(delivery: Delivery, client: string, units: number): Admission | Unread | undefined {
    if (delivery.charged === 'yes') return undefined;
    return this.admit(delivery, client, units, units - 1) ?? 'too_many_requests';
  }

  /**
   * @param reading - how many of the units are for the bytes of the payload.
   * @returns `undefined` if the client asks too often; never for what was perhaps let in before.
   */
  admit(delivery: Delivery, client: string, units: number, reading = 0): Admission | undefined {
    const { arrivedAfter, charged } = delivery;
    const admission =
      charged === 'perhaps'
        ? this.#rateLimiter.readmit(client, units, arrivedAfter)
        : this.#rateLimiter.admit(client, units, arrivedAfter);
    if (admission === undefined) return undefined;
    this.#metrics.charged('requests', units - reading);
    if (reading > 0) this.#metrics.charged('reading', reading);
    return admission;
  }

  /**
   * Charge a large profile before it is read.
   * @returns false if the client is in debt by other requests.
   */
  admitToFetch(request: ChargedRequest, units: number): boolean {
    return this.#spend(request, units, 'answers');
  }

  /**
   * Charge what is known only when a request was handled.
   * @param spent - what its large profile was charged.
   */
  settle(admission: Admission, outcome: Outcome, spent: number): void {
    const answered = Math.max(0, unitsToAnswer(outcome) - spent);
    this.#rateLimiter.settle(admission, outcome.result === 'ok' ? answered : undefined);
    if (answered > 0) this.#metrics.charged('answers', answered);
    this.chargeOthers(admission, outcome);
    // Who waits for it hears of its failure.
    void outcome.deferred?.then(
      (more) => this.chargeOthers(admission, more),
      () => undefined,
    );
  }

  /** Charge what it costs others. */
  chargeOthers(admission: Admission, outcome: Outcome): void {
    const told = unitsToTell(outcome);
    const called = unitsToCall(outcome);
    if (told + called === 0) return;
    this.#rateLimiter.charge(admission, told + called);
    this.#metrics.charged('contacts', told);
    this.#metrics.charged('calls', called);
  }

  /**
   * Charge the counterparties that a request will tell, before it is handled: of many that came at once only the first are
   * done, as if each had come when those before it were charged.
   * @returns false if the client is in debt by other requests.
   */
  admitToTell(request: ChargedRequest, contacts: number): boolean {
    return this.#spend(request, unitsToTell({ contacts }), 'contacts');
  }

  /**
   * Charge stored bytes that a request has written again without sending them, before they are written.
   * @returns false if the client is in debt by other requests.
   */
  admitToRewrite(request: ChargedRequest, bytes: number): boolean {
    return this.#spend(request, unitsToRewrite(bytes), 'reading');
  }

  #spend(
    { delivery, admission, units: admitted, spent }: ChargedRequest,
    units: number,
    work: ChargedWork,
  ): boolean {
    // Without an admission it was charged before.
    if (admission === undefined || units === 0) return true;
    if (delivery.charged === 'perhaps') this.#rateLimiter.charge(admission, units);
    else if (!this.#rateLimiter.spend(admission, units, admitted + spent)) return false;
    this.#metrics.charged(work, units);
    return true;
  }

  /** The payload turned out to be no request. */
  release(admission: Admission): void {
    this.#rateLimiter.settle(admission, undefined);
  }
}
