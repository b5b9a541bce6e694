/** The rate and the size of token buckets. */
export interface BucketOptions {
  readonly perSecond: number;
  /** Tokens in a full bucket. */
  readonly burst: number;
  /** Maximum number of buckets. One more drops the least recently used one, which starts full again. */
  readonly max: number;
}

interface Bucket {
  left: number;
  /** When `left` was computed, in milliseconds. */
  at: number;
}

/** The rounding error of a sum of fractions is smaller than this. */
const ROUNDING = 1e-9;

/** Token buckets by name, in bounded memory. An absent bucket is a full one. */
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

  /** Take one token. @returns false when the bucket has no whole token. */
  take(name: string, now: number): boolean {
    const bucket = this.#buckets.get(name) ?? this.#open(name, now);
    this.#fill(bucket, now);
    if (bucket.left < 1 - ROUNDING) return false;
    bucket.left -= 1;
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket); // the newest now
    return true;
  }

  /** Whether the bucket has a token. */
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
