/** Parts of a system that are started one after the other, and stopped the last started first. */
export class StartedParts {
  readonly #closers: (() => Promise<unknown>)[] = [];

  /** @returns the part. It is stopped by `stop`. */
  keep<Part extends { stop(): Promise<unknown> }>(part: Part): Part {
    this.#closers.push(() => part.stop());
    return part;
  }

  /** Something else that is to be ended by `stop`. */
  onStop(close: () => Promise<unknown>): void {
    this.#closers.push(close);
  }

  /** A second call changes nothing. */
  readonly stop = async (): Promise<void> => {
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) await close();
  };
}
