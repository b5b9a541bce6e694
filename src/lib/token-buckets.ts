/** How buckets fill up. */
export interface BucketOptions {
  readonly perSecond: number;
  /** What a full one holds. */
  readonly burst: number;
  /** So many are kept; a new one beyond that drops the one that was used longest ago, which is then full again. */
  readonly max: number;
}

interface Bucket {
  left: number;
  /** When that was, in milliseconds. */
  at: number;
}

/** Sums of fractions fall short of a whole by less than this. */
const ROUNDING = 1e-9;

/** Token buckets by name, in memory that is bounded. A full one is as good as none. */
export class TokenBuckets {
  readonly #perMillisecond: number;
  readonly #burst: number;
  readonly #max: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor({ perSecond, burst, max }: BucketOptions) {
    this.#perMillisecond = perSecond / 1_000;
    this.#burst = burst;
    this.#max = max;
  }

  /** Take one token. @returns false, and takes none, when there is no whole one. */
  take(name: string, now: number): boolean {
    const bucket = this.#buckets.get(name) ?? this.#open(name, now);
    this.#fill(bucket, now);
    if (bucket.left < 1 - ROUNDING) return false;
    bucket.left -= 1;
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket); // the newest now
    return true;
  }

  /** Whether there is a token. */
  has(name: string, now: number): boolean {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) return this.#burst >= 1;
    this.#fill(bucket, now);
    return bucket.left >= 1 - ROUNDING;
  }

  get size(): number {
    return this.#buckets.size;
  }

  #open(name: string, now: number): Bucket {
    if (this.#buckets.size >= this.#max) {
      const [oldest = ''] = this.#buckets.keys();
      this.#buckets.delete(oldest);
    }
    const bucket = { left: this.#burst, at: now };
    this.#buckets.set(name, bucket);
    return bucket;
  }

  #fill(bucket: Bucket, now: number): void {
    bucket.left = Math.min(this.#burst, bucket.left + (now - bucket.at) * this.#perMillisecond);
    bucket.at = now;
  }
}
