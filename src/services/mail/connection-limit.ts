import { Fifo } from '../../lib/fifo.ts';

/** After so many mails in a row one more connection is tried than the server has taken. */
const growAfter = 32;

/** A connection is tried again after this time, while none is left; doubled each time. */
const firstPauseMs = 250;
const maxPauseMs = 4_000;

/**
 * How many mails may be under way at once. A mail server that takes fewer connections than we may open refuses the others; then
 * mails wait for those that it takes.
 */
export class ConnectionLimit {
  readonly #most: number;
  readonly #onLimit: (limit: number) => void;
  readonly #waiting = new Fifo<Waiter>();
  #limit: number;
  /** The lowest that was reported. */
  #reported: number;
  #running = 0;
  /** Mails that the server has taken since the limit changed. */
  #taken = 0;
  /** Refusals in a row while no other mail was under way. */
  #refused = 0;

  /** @param onLimit - hears the limit that was found, and each that is lower than those before. */
  constructor(most: number, onLimit: (limit: number) => void) {
    this.#most = most;
    this.#limit = most;
    this.#reported = most;
    this.#onLimit = onLimit;
  }

  /**
   * Send a mail once there is a place; again, at the place of the next one, if the server had no connection for it.
   * @param send - resolves to `'too_many'` when the server has no connection for it.
   * @returns what `send` returns; `'late'` when the signal comes before there was a connection.
   */
  async run<T>(send: () => Promise<T | 'too_many'>, signal: AbortSignal): Promise<T | 'late'> {
    for (;;) {
      if (!(await this.#place(signal))) return 'late';
      let sent: T | 'too_many';
      try {
        sent = await send();
        if (sent === 'too_many') await this.#shrink(signal);
        else this.#grow();
      } finally {
        this.#running--;
        this.#next();
      }
      if (sent !== 'too_many') return sent;
    }
  }

  async #place(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#running < this.#limit) {
      this.#running++;
      return true;
    }
    return new Promise((resolve) => {
      const waiter: Waiter = { start: () => resolve(true), isGone: () => signal.aborted };
      this.#waiting.push(waiter);
      signal.addEventListener('abort', () => resolve(false), { once: true });
    });
  }

  #next(): void {
    while (this.#running < this.#limit) {
      const waiter = this.#waiting.shift();
      if (waiter === undefined) return;
      if (waiter.isGone()) continue;
      this.#running++;
      waiter.start();
    }
  }

  /** The others that are under way have their connections; this mail found none. The place is held during the pause. */
  async #shrink(signal: AbortSignal): Promise<void> {
    this.#taken = 0;
    this.#limit = Math.max(1, Math.min(this.#limit, this.#running - 1));
    if (this.#running > 1) return;
    const pauseMs = Math.min(maxPauseMs, firstPauseMs * 2 ** this.#refused++) * (0.5 + Math.random() / 2);
    await sleepUntil(pauseMs, signal);
  }

  #grow(): void {
    this.#refused = 0;
    if (this.#limit < this.#reported) this.#onLimit(this.#limit);
    this.#reported = Math.min(this.#reported, this.#limit);
    if (this.#limit === this.#most || ++this.#taken < growAfter) return;
    this.#taken = 0;
    this.#limit++;
  }
}

interface Waiter {
  start(): void;
  isGone(): boolean;
}

/** Resolves after the time, or when the signal comes. */
function sleepUntil(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
