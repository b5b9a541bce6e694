/**
 * How long one kind of work may hold the event loop in one turn, over all that do it. What is left over goes on in the
 * next turn, so that everything else waits for one share at most.
 */
export class TurnBudget {
  readonly #milliseconds: number;
  readonly #now: () => number;
  #end: number | undefined;

  /** @param now - a clock in milliseconds. */
  constructor(milliseconds: number, now: () => number = () => performance.now()) {
    this.#milliseconds = milliseconds;
    this.#now = now;
  }

  /** Whether this turn's share is used up. The first look in a turn begins it. */
  get isSpent(): boolean {
    const now = this.#now();
    if (this.#end !== undefined) return now >= this.#end;
    this.#end = now + this.#milliseconds;
    setImmediate(this.#renew);
    return false;
  }

  readonly #renew = (): void => {
    this.#end = undefined;
  };
}
