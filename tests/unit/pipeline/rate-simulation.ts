/** Workers with their rate limiters, and the Redis between them, in virtual time. */
import assert from 'node:assert/strict';
import { openRateLimiter, type RateLimiter } from '../../../src/pipeline/rate-limiter.ts';
import type { Use } from '../../../src/store/rates.ts';

/** A time in which a bucket was not full: since it was full last, and until it is full again; in microseconds. */
interface Period {
  readonly since: number;
  full: number;
}

/** The effect of `report-use` on the bucket of a client, in microseconds: the test of that script compares them. */
export class SharedBucket {
  /** Two at most, apart from each other, the newer one last. */
  periods: Period[] = [];

  /** @returns how far the time when it is full lies ahead. */
  report(now: number, cost: number, { age, maxAhead }: { age: number; maxAhead: number }): number {
    const used = [{ since: now - age, full: now - age + cost }, ...this.periods];
    used.sort((a, b) => a.since - b.since);
    const apart: Period[] = [];
    for (const period of used) {
      const last = apart.at(-1);
      if (last !== undefined && period.since < last.full) last.full += period.full - period.since;
      else apart.push(period);
    }
    this.periods = apart.slice(-2);
    const last = apart.at(-1) ?? assert.fail();
    last.full = Math.min(last.full, now + maxAhead);
    return last.full - now;
  }
}

/** A token bucket with immediate and complete information. */
export class ExactBucket {
  #full = Number.NEGATIVE_INFINITY;
  readonly #interval: number;
  readonly #burst: number;

  constructor(rate: number, burst: number) {
    this.#interval = 1_000 / rate;
    this.#burst = burst;
  }

  /** The earliest time from `now` on when a request is within the limit, in milliseconds. */
  next(now: number): number {
    return Math.max(now, this.#full - (this.#burst - 1) * this.#interval);
  }

  take(now: number): void {
    this.#full = Math.max(this.#full, now) + this.#interval;
  }
}

interface Event {
  readonly at: number;
  /** @returns whether it settled a promise. */
  readonly run: () => boolean;
}

/** What a client asks: in units, and how long it may have waited. */
interface Asked {
  readonly units?: number;
  readonly waitedMs?: number;
}

/** The clocks of workers are independent. */
const clockOf = (worker: number): number => worker * 12_345.678;

export interface SimulationOptions {
  readonly workers: number;
  readonly rate: number;
  readonly burst: number;
  /** Longest way to Redis, and back, in milliseconds. */
  readonly maxDelay: number;
  /** Between 0 and 1. */
  readonly random: () => number;
  readonly maxClients?: number;
}

export class Simulation {
  readonly limiters: RateLimiter[] = [];
  readonly buckets = new Map<string, SharedBucket>();
  reports = 0;
  /** Whether Redis is away. */
  isAway = false;
  now = 0;
  /** By time; few at once, since each client has one report in flight on each worker. */
  readonly #events: Event[] = [];
  readonly #options: SimulationOptions;

  constructor(options: SimulationOptions) {
    this.#options = options;
    const { workers, rate, burst, maxClients } = options;
    const rates = { report: this.#report };
    const schedule = (run: () => void, ms: number): void =>
      this.#at(this.now + ms, () => {
        run();
        return true; // A report that fails at once settles too.
      });
    for (let worker = 0; worker < workers; worker++) {
      const now = (): number => this.now + clockOf(worker);
      this.limiters.push(
        openRateLimiter({ rate, burst, rates, now, schedule, ...(maxClients && { maxClients }) }),
      );
    }
  }

  /** Let a client ask one of the workers; for the limiter its clock may differ. @returns whether it is let in. */
  ask(worker: number, client: string, { units = 1, waitedMs = 0 }: Asked = {}): boolean {
    const admission = this.limiters[worker]?.admit(client, units, this.now + clockOf(worker) - waitedMs);
    return admission !== undefined;
  }

  /** Advances the time, with all events until then. */
  async passTo(at: number): Promise<void> {
    for (let [event] = this.#events; event !== undefined && event.at <= at; [event] = this.#events) {
      this.#events.shift();
      this.now = event.at;
      if (event.run()) await settled();
    }
    this.now = at;
  }

  readonly #report = (client: string, { costMs, ageMs, maxAheadMs }: Use): Promise<number> => {
    this.reports++;
    if (this.isAway) return Promise.reject(new Error('away'));
    const { maxDelay, random } = this.#options;
    return new Promise((resolve) => {
      this.#at(this.now + random() * maxDelay, () => {
        const bucket = this.buckets.get(client) ?? new SharedBucket();
        this.buckets.set(client, bucket);
        const [age, maxAhead] = [Math.ceil(ageMs * 1_000), Math.ceil(maxAheadMs * 1_000)];
        const ahead = bucket.report(this.now * 1_000, Math.floor(costMs * 1_000), { age, maxAhead });
        this.#at(this.now + random() * maxDelay, () => {
          resolve(ahead / 1_000);
          return true;
        });
        return false;
      });
    });
  };

  #at(at: number, run: () => boolean): void {
    let index = this.#events.length;
    while (index > 0 && (this.#events[index - 1]?.at ?? 0) > at) index--;
    this.#events.splice(index, 0, { at, run });
  }
}

/** A few rounds of promises. */
async function settled(): Promise<void> {
  for (let round = 0; round < 4; round++) await undefined;
}

/** Numbers between 0 and 1, the same ones for the same seed. */
export function randomFrom(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
