/** Messages that waited longer than this count as if they had waited so long. */
const MAX_LAG_MS = 30_000;

/** Without a message the clock is looked at so often. */
const TICK_MS = 50;

/** If nobody has looked at the clock for so long, the event loop was held, or the process stopped. Less is not noticed. */
const HELD_MS = 2 * TICK_MS;

/** The backlog of a pause is processed at this share of the time, for a load of 4/5 of what the worker can take. */
const RECOVERY = 1 / 4;

/**
 * For how long a message may have waited before this worker received it.
 *
 * It rises while the worker takes nothing or not all: while it is stopped, its event loop is held, the broker is away, or the
 * window is so full that the broker may hold messages back. Afterwards it falls as the backlog is worked off. So a client whose
 * messages come in one burst after a pause is not taken for one that sent them at once.
 */
export class DeliveryLag {
  #lag = 0;
  #lookedAt: number;
  #isAway = true;
  #isFull = false;
  #wasConnected = false;
  #timer: NodeJS.Timeout | undefined;
  readonly #now: () => number;

  /** @param now - milliseconds from anywhere, for tests. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
    this.#lookedAt = now();
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(this.#now()), TICK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** The earliest time at which a message that is received now may have reached the broker. */
  earliest(now: number): number {
    this.#look(now);
    return now - this.#lag - HELD_MS;
  }

  /** @param full - whether the broker may hold messages back. */
  setFull(full: boolean): void {
    if (full === this.#isFull) return;
    this.#look(this.#now());
    this.#isFull = full;
  }

  disconnected(): void {
    this.#look(this.#now());
    this.#isAway = true;
  }

  /** @param sessionPresent - whether the broker has kept messages; at first nobody knows for how long. */
  connected(sessionPresent: boolean): void {
    this.#look(this.#now());
    this.#isAway = false;
    if (!sessionPresent) this.#lag = 0;
    else if (!this.#wasConnected) this.#lag = MAX_LAG_MS;
    this.#wasConnected = true;
  }

  #look(now: number): void {
    const passed = Math.max(0, now - this.#lookedAt);
    this.#lookedAt = now;
    const isHeld = this.#isAway || this.#isFull || passed > HELD_MS;
    this.#lag = isHeld
      ? Math.min(MAX_LAG_MS, this.#lag + passed)
      : Math.max(0, this.#lag - passed * RECOVERY);
  }
}
