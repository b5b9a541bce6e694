import type { Rates } from '../store/rates.ts';

/** Limits how often each client may ask, over all workers (docs/protocol.md, "How often a client may ask"). */
export interface RateLimiter {
  /**
   * Whether a client asks too often; charges it if not.
   * @param cost - in requests; default 1. One above the burst needs a full bucket, and leaves a debt.
   */
  isLimited(client: string, cost?: number): boolean;
}

export interface RateLimiterOptions {
  /** Requests of one client a second; 0: no limit. */
  readonly rate: number;
  /** Requests of one client at once. */
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
  return options.rate === 0 ? { isLimited: () => false } : new SharedRateLimiter(options);
}

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
interface Bucket {
  readonly client: string;
  /** When it is full again, as far as is known here; never later than it really is. */
  fullAt: number;
  /** Requests that were let in and not reported; drains. */
  unreported: number;
  /** Requests that were let in, up to a bound; drains. The client is quiet while they are few. */
  recent: number;
  drainedAt: number;
  /** When the first of them came. */
  unreportedSince: number;
  /** Whether a report waits to be sent or answered. */
  isReporting: boolean;
}

/**
 * A token bucket for each client (GCRA). Each worker lets in by what it knows, without a round trip, and reports to Redis what
 * it let in. The answer includes the use of other workers. Both are lower bounds of the real use, so a client within its rate
 * is never limited; what several workers let in too much is charged, so one above its rate gets exactly that in the long run.
 */
class SharedRateLimiter implements RateLimiter {
  readonly #rates: Rates;
  readonly #now: () => number;
  readonly #schedule: (run: () => void, ms: number) => void;
  readonly #maxClients: number;
  readonly #burst: number;
  /** Milliseconds in which one request is refilled. */
  readonly #interval: number;
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
    this.#maxUnreported = burst * UNREPORTED_BURST_SHARE;
    this.#maxQuiet = Math.max(1, this.#maxUnreported);
    this.#drainPerMs = (rate * UNREPORTED_RATE_SHARE) / 1_000;
  }

  isLimited(client: string, cost = 1): boolean {
    const now = this.#now();
    const bucket = this.#buckets.get(client) ?? this.#open(client, now);
    const fullAt = Math.max(bucket.fullAt, now);
    const room = (this.#burst - Math.min(cost, this.#burst)) * this.#interval;
    if (fullAt - now > room + ROUNDING) return true;
    bucket.fullAt = fullAt + cost * this.#interval;
    this.#drain(bucket, now);
    bucket.unreported += cost;
    bucket.recent = Math.min(bucket.recent + cost, 2 * this.#maxQuiet);
    if (this.#isToReport(bucket)) this.#report(bucket);
    return false;
  }

  #isToReport({ recent, unreported }: Bucket): boolean {
    return recent > this.#maxQuiet && unreported > this.#maxUnreported;
  }

  #open(client: string, now: number): Bucket {
    if (this.#buckets.size >= this.#maxClients) this.#evict(now);
    const bucket: Bucket = {
      client,
      fullAt: now,
      unreported: 0,
      recent: 0,
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
      const ahead = await this.#rates.report(client, cost, sentAt - unreportedSince);
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
