import { LinkedMember, LinkedSet } from '../lib/linked-set.ts';

/** A piece of work that is to end in time. */
export class Deadline extends LinkedMember {
  at: number;
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
export class Deadlines {
  readonly #afterMs: number;
  readonly #isPaused: () => boolean;
  /** The oldest first. */
  readonly #running = new LinkedSet<Deadline>();
  #timer: NodeJS.Timeout | undefined;

  /** @param isPaused - while it says so at a deadline, the work has its whole time once more. */
  constructor(afterMs: number, isPaused: () => boolean) {
    this.#afterMs = afterMs;
    this.#isPaused = isPaused;
  }

  /** @param expire - called when the work has not been ended in time. */
  begin(expire: () => void): Deadline {
    const deadline = new Deadline(performance.now() + this.#afterMs, expire);
    this.#running.add(deadline);
    if (this.#timer === undefined) this.#wait(this.#afterMs);
    return deadline;
  }

  /** @returns whether it was in time. */
  end(deadline: Deadline): boolean {
    const isInTime = this.#running.delete(deadline);
    if (this.#running.size === 0) {
      clearTimeout(this.#timer); // it would keep a process that stops
      this.#timer = undefined;
    }
    return isInTime;
  }

  #wait(milliseconds: number): void {
    this.#timer = setTimeout(this.#look, milliseconds);
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    for (let oldest = this.#running.first; oldest; oldest = this.#running.first) {
      if (oldest.at > now) {
        this.#wait(oldest.at - now);
        return;
      }
      this.#running.delete(oldest);
      if (this.#isPaused()) {
        oldest.at = now + this.#afterMs;
        this.#running.add(oldest);
      } else oldest.expire();
    }
  };
}
