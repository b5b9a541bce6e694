import type { Rates } from '../store/rates.ts';

/** Limits how much work each client may cause, over all workers (docs/protocol.md, "How often a client may ask"). */
export interface RateLimiter {
  /**
   * Let a request in and charge what is known of it before it is handled.
   * @param units - above the burst it needs a full bucket, and leaves a debt.
   * @param arrivedAfter - the earliest time at which it may have arrived, in milliseconds; default now. What it refilled until
   *   now is not lost, as that time passed while the request waited.
   * @returns `undefined` if the client asks too often. Each other result needs one `settle`.
   */
  admit(client: string, units: number, arrivedAfter?: number): Admission | undefined;
  /** The same for a request that was let in before, and perhaps not charged: it is never refused, and leaves a debt. */
  readmit(client: string, units: number, arrivedAfter?: number): Admission;
  /**
   * The request was handled: charge its answer.
   * @param answered - in units; the next requests of this client that are handled at once are expected to cost as much.
   *   `undefined` if the answer does not tell what the next one costs.
   */
  settle(admission: Admission, answered: number | undefined): void;
  /**
   * Charge what is known of an admitted request before it is done, unless the client is in debt already.
   * @param admitted - what the request itself was charged: it may have left a debt.
   * @returns whether it was charged.
   */
  spend(admission: Admission, units: number, admitted: number): boolean;
  /** Charge work that came out of an admitted request; beyond what the bucket holds it is a debt, of two minutes at most. */
  charge(admission: Admission, units: number): void;
}

/** A request that was let in. */
export interface Admission {
  readonly client: string;
}

export interface RateLimiterOptions {
  /** Units of one client a second; 0: no limit. */
  readonly rate: number;
  /** Units of one client at once. */
  readonly burst: number;
  readonly rates: Rates;
  /** Milliseconds from anywhere, for tests. */
  readonly now?: () => number;
  /** Runs something after some milliseconds, for tests. */
  readonly schedule?: (run: () => void, ms: number) => void;
  /** Clients in memory at most, for tests. */
  readonly maxClients?: number;
}

export function openRateLimiter(options: RateLimiterOptions): RateLimiter {
  return options.rate === 0 ? unlimited : new SharedRateLimiter(options);
}

const unlimited: RateLimiter = {
  admit: (client) => ({ client }),
  readmit: (client) => ({ client }),
  settle: () => undefined,
  spend: () => true,
  charge: () => undefined,
};

/** So long after an empty bucket a client is refused at most, whatever its requests have cost; or while a bucket fills, if that is longer. */
const MAX_DEBT_MS = 120_000;

/** Use of up to this share of the burst waits to be reported with more; of a quiet client up to one request in any case. */
const UNREPORTED_BURST_SHARE = 1 / 128;

/** Use drains at this share of the rate, and is then never reported: on eight workers together less than 4 % of the rate. */
const UNREPORTED_RATE_SHARE = 1 / 256;

/** Use is reported in batches, so long after the first of them. */
const REPORT_AFTER_MS = 50;

/** Reports may travel to Redis for different times; so much of that is never held against a client. */
const JITTER_MS = 100;

const MAX_CLIENTS = 20_000;

/** Reports that wait for an answer of Redis. */
const MAX_REPORTS = 256;

/** Buckets that one eviction looks at. */
const MAX_LOOKS = 8;

/** Sums of fractions differ by less, in milliseconds. */
const ROUNDING = 1e-3;

/** What a worker knows of a client. Times are in milliseconds of its own clock. */
interface Bucket extends Admission {
  /** When it is full again, as far as is known here; never later than it really is. */
  fullAt: number;
  /** Units that were charged and not reported; drains. */
  unreported: number;
  /** Units that were charged, up to a bound; drains. The client is quiet while they are few. */
  recent: number;
  drainedAt: number;
  /** Requests that are being handled: their answers are not charged yet. */
  pending: number;
  /** What the answer to each of them is expected to cost, in units. */
  expected: number;
  /** When the first of the unreported came. */
  unreportedSince: number;
  /** Whether a report waits to be sent or answered. */
  isReporting: boolean;
}

/**
 * A token bucket for each client (GCRA). Each worker lets in by what it knows, without a round trip, and reports to Redis what
 * it charged. The answer includes the use of other workers. Both are lower bounds of the real use, so a client within its rate
 * is never limited; what several workers let in too much is charged, so one above its rate gets exactly that in the long run.
 */
class SharedRateLimiter implements RateLimiter {
  readonly #rates: Rates;
  readonly #now: () => number;
  readonly #schedule: (run: () => void, ms: number) => void;
  readonly #maxClients: number;
  readonly #burst: number;
  /** Milliseconds in which one unit is refilled. */
  readonly #interval: number;
  /** How far `fullAt` may lie ahead, in milliseconds. */
  readonly #maxAhead: number;
  readonly #maxUnreported: number;
  readonly #maxQuiet: number;
  readonly #drainPerMs: number;
  readonly #buckets = new Map<string, Bucket>();
  /** Walks on from eviction to eviction; what it has passed is deleted, or in use again behind it. */
  #oldest = this.#buckets.values();
  readonly #toReport = new Set<Bucket>();
  #isScheduled = false;
  #reports = 0;

  constructor({ rate, burst, rates, ...options }: RateLimiterOptions) {
    this.#rates = rates;
    this.#now = options.now ?? (() => performance.now());
    this.#schedule = options.schedule ?? ((run, ms) => void setTimeout(run, ms).unref());
    this.#maxClients = options.maxClients ?? MAX_CLIENTS;
    this.#burst = burst;
    this.#interval = 1_000 / rate;
    const full = burst * this.#interval;
    this.#maxAhead = full + Math.max(full, MAX_DEBT_MS);
    this.#maxUnreported = burst * UNREPORTED_BURST_SHARE;
    this.#maxQuiet = Math.max(1, this.#maxUnreported);
    this.#drainPerMs = (rate * UNREPORTED_RATE_SHARE) / 1_000;
  }

  admit(client: string, units: number, arrivedAfter?: number): Admission | undefined {
    const now = this.#now();
    const since = Math.min(arrivedAfter ?? now, now);
    const bucket = this.#buckets.get(client) ?? this.#open(client, now);
    const fullAt = Math.max(bucket.fullAt, since);
    const needed = units + bucket.pending * bucket.expected;
    const room = (this.#burst - Math.min(needed, this.#burst)) * this.#interval;
    if (fullAt - now > room + ROUNDING) return undefined;
    bucket.fullAt = fullAt + units * this.#interval;
    bucket.pending++;
    this.#note(bucket, units, now, since);
    return bucket;
  }

  readmit(client: string, units: number, arrivedAfter?: number): Admission {
    const now = this.#now();
    const bucket = this.#buckets.get(client) ?? this.#open(client, now);
    bucket.pending++;
    bucket.fullAt = Math.max(bucket.fullAt, Math.min(arrivedAfter ?? now, now));
    this.charge(bucket, units);
    return bucket;
  }

  settle(admission: Admission, answered: number | undefined): void {
    const bucket = admission as Bucket;
    bucket.pending--;
    if (answered === undefined) return;
    bucket.expected = answered;
    if (answered > 0) this.charge(bucket, answered);
  }

  spend(admission: Admission, units: number, admitted: number): boolean {
    const { fullAt } = admission as Bucket;
    if (fullAt - this.#now() > (this.#burst + admitted) * this.#interval + ROUNDING) return false;
    this.charge(admission, units);
    return true;
  }

  charge(admission: Admission, units: number): void {
    const bucket = admission as Bucket;
    const now = this.#now();
    // As if it was known when the request arrived, so that what is slow or has waited costs no more.
    const { fullAt } = bucket;
    const most = Math.max(fullAt, now + this.#maxAhead);
    bucket.fullAt = Math.min(fullAt + units * this.#interval, most);
    this.#note(bucket, (bucket.fullAt - fullAt) / this.#interval, now, Math.min(fullAt, now));
  }

  /** Note what is to be reported. */
  #note(bucket: Bucket, units: number, now: number, since: number): void {
    this.#drain(bucket, now);
    if (bucket.unreported === 0 || since < bucket.unreportedSince) bucket.unreportedSince = since;
    bucket.unreported += units;
    bucket.recent = Math.min(bucket.recent + units, 2 * this.#maxQuiet);
    if (this.#isToReport(bucket)) this.#report(bucket);
  }

  #isToReport({ recent, unreported }: Bucket): boolean {
    return recent > this.#maxQuiet && unreported > this.#maxUnreported;
  }

  #open(client: string, now: number): Bucket {
    if (this.#buckets.size >= this.#maxClients) this.#evict(now);
    const bucket: Bucket = {
      client,
      fullAt: Number.NEGATIVE_INFINITY,
      unreported: 0,
      recent: 0,
      pending: 0,
      expected: 0,
      drainedAt: now,
      unreportedSince: now,
      isReporting: false,
    };
    this.#buckets.set(client, bucket);
    return bucket;
  }

  /**
   * Forget the fullest of the oldest buckets: a full one loses nothing. So nobody refills its own by asking as many clients.
   * What a forgotten one has used is reported.
   */
  #evict(now: number): void {
    let fullest = this.#nextOldest();
    for (let looks = 1; looks < MAX_LOOKS && fullest.fullAt > now; looks++) {
      const next = this.#nextOldest();
      const fuller = next.fullAt < fullest.fullAt ? next : fullest;
      const keep = fuller === next ? fullest : next;
      this.#buckets.delete(keep.client);
      this.#buckets.set(keep.client, keep);
      fullest = fuller;
    }
    this.#buckets.delete(fullest.client);
    this.#drain(fullest, now);
    if (fullest.unreported > 0) this.#report(fullest);
  }

  #nextOldest(): Bucket {
    const next = this.#oldest.next();
    if (!next.done) return next.value;
    this.#oldest = this.#buckets.values();
    return this.#nextOldest();
  }

  #drain(bucket: Bucket, now: number): void {
    const drained = (now - bucket.drainedAt) * this.#drainPerMs;
    bucket.drainedAt = now;
    bucket.recent = Math.max(0, bucket.recent - drained);
    bucket.unreported = Math.max(0, bucket.unreported - drained);
    if (bucket.unreported === 0) bucket.unreportedSince = now;
  }

  #report(bucket: Bucket): void {
    // The second bound is for evicted buckets, while Redis does not answer.
    if (bucket.isReporting || this.#toReport.size >= this.#maxClients) return;
    bucket.isReporting = true;
    this.#toReport.add(bucket);
    this.#scheduleReports();
  }

  #scheduleReports(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(this.#sendReports, REPORT_AFTER_MS);
  }

  readonly #sendReports = (): void => {
    this.#isScheduled = false;
    for (const bucket of this.#toReport) {
      if (this.#reports >= MAX_REPORTS) break;
      this.#toReport.delete(bucket);
      void this.#send(bucket);
    }
    if (this.#toReport.size > 0) this.#scheduleReports();
  };

  async #send(bucket: Bucket): Promise<void> {
    const { client, unreported, unreportedSince } = bucket;
    const sentAt = this.#now();
    bucket.unreported = 0;
    this.#reports++;
    try {
      const cost = unreported * this.#interval;
      const use = { costMs: cost, ageMs: sentAt - unreportedSince, maxAheadMs: this.#maxAhead };
      const ahead = await this.#rates.report(client, use);
      const since = bucket.unreported * this.#interval;
      bucket.fullAt = Math.max(bucket.fullAt, sentAt + ahead - JITTER_MS + since);
      bucket.isReporting = false;
      if (this.#isToReport(bucket)) this.#report(bucket);
    } catch {
      // Redis is away: this worker goes on with what it knows, and reports with the next request.
      bucket.unreported += unreported;
      bucket.unreportedSince = unreportedSince;
      bucket.isReporting = false;
    } finally {
      this.#reports--;
    }
  }
}
