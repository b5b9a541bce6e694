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
  /** Whose tasks run or wait. */
  readonly #keys = new Set<string>();
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
   * @param key - whose work it is: of each there is one task at a time, running or waiting. Absent: nobody's.
   * @returns what `work` returns or throws, as a promise; `'queue_full'` at once, without running it, when the queue is full,
   *   or there is a task of the key already.
   */
  run<T>(work: () => Promise<T>, key?: string): Promise<T> | 'queue_full' {
    if (key !== undefined && this.#keys.has(key)) return 'queue_full';
    const isFree = this.#running < this.#concurrency;
    if (!isFree && this.#waiting.length >= this.#maxQueued) return 'queue_full';
    const task = key === undefined ? work : this.#only(key, work);
    if (!isFree)
      return new Promise<void>((resolve) => this.#waiting.push(resolve)).then(() => this.#finish(task));
    this.#running++;
    return this.#finish(task);
  }

  #only<T>(key: string, work: () => Promise<T>): () => Promise<T> {
    this.#keys.add(key);
    return async () => {
      try {
        return await work();
      } finally {
        this.#keys.delete(key);
      }
    };
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
