import { Fifo } from './fifo.ts';

export interface ConcurrencyLimiterOptions {
  /** The metric label. */
  readonly name: string;
  /** Maximum number of tasks that run at the same time, at least 1. */
  readonly concurrency: number;
  /** Maximum number of tasks that wait; 0 = none. */
  readonly maxQueued: number;
}

/**
 * Runs a bounded number of slow tasks at a time, in the order of their arrival. A mail server that hangs then does not delay
 * requests that need no mail.
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
   * Run `work` as soon as a slot is free.
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

  /** The slot is taken already. Each task passes it to the next, so that no later task overtakes. */
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
