import { Fifo } from './fifo.ts';

export interface ConcurrencyLimiterOptions {
  /** What the lane is for, as metrics show it. */
  readonly name: string;
  /** How many pieces of work run at the same time, at least 1. */
  readonly concurrency: number;
  /** How many more may wait for their turn; 0 = none. */
  readonly maxQueued: number;
}

/**
 * Bounded room for slow work, so that a mail server that hangs does not hold up requests that don't need it.
 * First come, first served.
 */
export class ConcurrencyLimiter {
  readonly name: string;
  readonly #concurrency: number;
  readonly #maxQueued: number;
  readonly #waiting = new Fifo<() => void>();
  #running = 0;

  constructor({ name, concurrency, maxQueued }: ConcurrencyLimiterOptions) {
    this.name = name;
    this.#concurrency = concurrency;
    this.#maxQueued = maxQueued;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Run `work` when it is its turn.
   * @returns what `work` returns or throws, as a promise; `'queue_full'` at once, without running it, when the queue is full.
   */
  run<T>(work: () => Promise<T>): Promise<T> | 'queue_full' {
    if (this.#running < this.#concurrency) {
      this.#running++;
      return this.#finish(work);
    }
    if (this.#waiting.length >= this.#maxQueued) return 'queue_full';
    return new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() => this.#finish(work));
  }

  /** The place is taken already: it passes from one piece of work straight to the next, so none can slip between. */
  async #finish<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running--;
    }
  }
}
