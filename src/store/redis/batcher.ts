/**
 * Makes one command of all that is asked for in one turn of the event loop: a command costs a worker more than what is in it.
 */
export class Batcher<Call> {
  readonly #send: (calls: readonly Call[]) => Promise<void>;
  readonly #max: number;
  #calls: Call[] = [];

  /**
   * @param send - sends one command, and never rejects: each call hears of its own fate.
   * @param max - so many calls go in one.
   */
  constructor(send: (calls: readonly Call[]) => Promise<void>, max: number) {
    this.#send = send;
    this.#max = max;
  }

  add(call: Call): void {
    const calls = this.#calls;
    if (calls.push(call) === 1) setImmediate(this.#sendBatch, calls);
    if (calls.length === this.#max) this.#calls = [];
  }

  readonly #sendBatch = (calls: readonly Call[]): void => {
    if (calls === this.#calls) this.#calls = [];
    void this.#send(calls);
  };
}
