/**
 * Makes one command of all that is asked for in one turn of the event loop: a command costs a worker more than what is in it.
 */
export class Gathering<Call> {
  readonly #send: (calls: readonly Call[]) => Promise<void>;
  readonly #most: number;
  #calls: Call[] = [];

  /**
   * @param send - sends one command, and never rejects: each call hears of its own fate.
   * @param most - so many calls go in one.
   */
  constructor(send: (calls: readonly Call[]) => Promise<void>, most: number) {
    this.#send = send;
    this.#most = most;
  }

  add(call: Call): void {
    const calls = this.#calls;
    if (calls.push(call) === 1) setImmediate(this.#sendGathered, calls);
    if (calls.length === this.#most) this.#calls = [];
  }

  readonly #sendGathered = (calls: readonly Call[]): void => {
    if (calls === this.#calls) this.#calls = [];
    void this.#send(calls);
  };
}
