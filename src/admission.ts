import type { Rates } from './store/rates.ts';
import { TokenBuckets } from './token-buckets.ts';

/** Says who asks too often, before anything is read for it (docs/protocol.md, "How often a client may ask"). */
export interface Admission {
  /** Whether a client must wait, as far as is known before its session is read. Counts the request if not. */
  refuses(client: string): boolean;
  /**
   * The same once its session is read, where only that shows who asks.
   * @param isProven - whether the client is who it says.
   */
  refusesProven(client: string, isProven: boolean): boolean;
}

export interface AdmissionOptions {
  readonly vouching: 'broker' | 'token';
  /** Requests of one client a second; 0: as many as it likes. */
  readonly rate: number;
  /** Requests of one client at once. */
  readonly burst: number;
  readonly rates: Rates;
  /** Milliseconds from anywhere, for tests. */
  readonly now?: () => number;
}

/**
 * Where the broker vouches for the client, its requests are counted before its session is read. Where nobody does, they are
 * counted for the client that has shown its token, so that nobody uses up what another one may ask; and wrong tokens are
 * counted for the client whose token was guessed, and for this worker.
 */
export function openAdmission({ vouching, rate, burst, rates, now }: AdmissionOptions): Admission {
  const limit = rate === 0 ? undefined : new ClientLimit({ rate, burst, rates, now: now ?? monotonic });
  if (vouching === 'broker') {
    return {
      refuses: limit === undefined ? () => false : (client) => !limit.admits(client),
      refusesProven: () => false,
    };
  }
  const guesses = new GuessLimit(now ?? monotonic);
  return {
    refuses: (client) => !guesses.allows(client),
    refusesProven(client, isProven) {
      if (!isProven) guesses.wrong(client);
      return isProven && limit !== undefined && !limit.admits(client);
    },
  };
}

const monotonic = (): number => performance.now();

/** So many clients are remembered; of more, the one that was first seen longest ago is forgotten. */
const MOST_CLIENTS = 20_000;

/** A client that asks less than this share of what it may, on this worker, is not counted over all workers. */
const QUIET_SHARE = 1 / 16;

/** What was let in is told to Redis after so long, for all clients that are not quiet in one write. */
const TELL_AFTER_MS = 50;

interface LimitOptions {
  readonly rate: number;
  readonly burst: number;
  readonly rates: Rates;
  readonly now: () => number;
}

/**
 * Each worker has a bucket for each client, and lets in what is in it without asking anybody. What a client takes beyond
 * a small share is told to Redis a moment later, where the bucket of all workers is; what is left there is what this
 * worker goes on with. So a `get` waits for nothing, quiet clients cost nothing, and N workers let in too much for
 * no longer than it takes to tell: that is then missing in the bucket until it has filled up again.
 */
class ClientLimit {
  readonly #options: LimitOptions;
  readonly #left: TokenBuckets;
  readonly #quiet: TokenBuckets;
  /** Requests that were let in and not told yet. */
  readonly #untold = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LimitOptions) {
    const { rate, burst } = options;
    this.#options = options;
    this.#left = new TokenBuckets({ perSecond: rate, burst, most: MOST_CLIENTS });
    const quiet = { perSecond: rate * QUIET_SHARE, burst: Math.max(1, burst * QUIET_SHARE) };
    this.#quiet = new TokenBuckets({ ...quiet, most: MOST_CLIENTS });
  }

  admits(client: string): boolean {
    const now = this.#options.now();
    if (!this.#left.take(client, now)) return false;
    if (!this.#quiet.take(client, now)) this.#note(client);
    return true;
  }

  #note(client: string): void {
    // The first time, what it took while it counted as quiet is told too.
    const { burst } = this.#options;
    const untold = this.#untold.get(client) ?? Math.floor(Math.max(1, burst * QUIET_SHARE));
    this.#untold.set(client, untold + 1);
    this.#timer ??= setTimeout(() => this.#tell(), TELL_AFTER_MS).unref();
  }

  #tell(): void {
    this.#timer = undefined;
    for (const [client, count] of this.#untold) {
      if (count === 0) this.#untold.delete(client);
      else void this.#tellOne(client, count);
    }
  }

  async #tellOne(client: string, count: number): Promise<void> {
    this.#untold.set(client, 0);
    // Without Redis every worker goes on with its own bucket.
    const left = await this.#options.rates.spend(client, count).catch(() => undefined);
    const since = this.#untold.get(client) ?? 0;
    if (left !== undefined) this.#left.set(client, left - since, this.#options.now());
    // Looked at once more, and then forgotten if it has become quiet.
    this.#timer ??= setTimeout(() => this.#tell(), TELL_AFTER_MS).unref();
  }
}

/** Wrong tokens: of one client ten, and then one in six seconds; of all clients of this worker a thousand, and then a hundred a second. */
class GuessLimit {
  readonly #now: () => number;
  readonly #ofClient = new TokenBuckets({ perSecond: 1 / 6, burst: 10, most: MOST_CLIENTS });
  readonly #ofWorker = new TokenBuckets({ perSecond: 100, burst: 1_000, most: 1 });

  constructor(now: () => number) {
    this.#now = now;
  }

  allows(client: string): boolean {
    const now = this.#now();
    return this.#ofClient.has(client, now) && this.#ofWorker.has('', now);
  }

  wrong(client: string): void {
    const now = this.#now();
    this.#ofClient.take(client, now);
    this.#ofWorker.take('', now);
  }
}
