import { LinkedMember, LinkedSet } from '../lib/linked-set.ts';

/** A piece of work that is to end in time. */
export class RequestTimeout extends LinkedMember {
  at: number;
  /** Whether it has expired. */
  isOver = false;
  readonly expire: () => void;

  constructor(at: number, expire: () => void) {
    super();
    this.at = at;
    this.expire = expire;
  }
}

/**
 * Ends what takes too long. All work has the same time, so what began first is due first, and one timer does for all of
 * it; a timer each would cost more than the work.
 */
export class RequestTimeouts {
  readonly #afterMs: number;
  readonly #isPaused: () => boolean;
  /** The oldest first. */
  readonly #running = new LinkedSet<RequestTimeout>();
  #timer: NodeJS.Timeout | undefined;

  /** @param isPaused - while it says so at a deadline, the work has its whole time once more. */
  constructor(afterMs: number, isPaused: () => boolean) {
    this.#afterMs = afterMs;
    this.#isPaused = isPaused;
  }

  /** @param expire - called when the work has not been ended in time. */
  begin(expire: () => void): RequestTimeout {
    const timeout = new RequestTimeout(performance.now() + this.#afterMs, expire);
    this.#running.add(timeout);
    if (this.#timer === undefined) this.#schedule(this.#afterMs);
    return timeout;
  }

  /** @returns whether it was in time. */
  end(timeout: RequestTimeout): boolean {
    const isInTime = this.#running.delete(timeout);
    if (this.#running.size === 0) {
      clearTimeout(this.#timer); // it would keep a process that stops
      this.#timer = undefined;
    }
    return isInTime;
  }

  #schedule(milliseconds: number): void {
    this.#timer = setTimeout(this.#expireDue, milliseconds);
  }

  readonly #expireDue = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    for (let oldest = this.#running.first; oldest; oldest = this.#running.first) {
      if (oldest.at > now) {
        this.#schedule(oldest.at - now);
        return;
      }
      this.#running.delete(oldest);
      if (this.#isPaused()) {
        oldest.at = now + this.#afterMs;
        this.#running.add(oldest);
      } else {
        oldest.isOver = true;
        oldest.expire();
      }
    }
  };
}
