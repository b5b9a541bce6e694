/** What work has made, and the state in which it leaves its key; `undefined` if it does not know that. */
export interface Done<T, State> {
  readonly result: T;
  readonly left?: State | undefined;
}

/** Work on one key is done in its order, one at a time; work on other keys does not wait for it. */
export class KeyedQueue<State> {
  readonly #tails = new Map<string, Promise<State | undefined>>();

  /**
   * @param work - gets the state that the work just before it has left; `undefined` if there was none, or it failed.
   * @throws what `work` throws; that ends no other work.
   */
  async run<T>(key: string, work: (before: State | undefined) => Promise<Done<T, State>>): Promise<T> {
    const before = this.#tails.get(key);
    const done = before === undefined ? work(undefined) : before.then(work);
    const tail: Promise<State | undefined> = done
      .then(
        ({ left }) => left,
        () => undefined,
      )
      .finally(() => {
        if (this.#tails.get(key) === tail) this.#tails.delete(key);
      });
    this.#tails.set(key, tail);
    return (await done).result;
  }

  /** Keys with work that is not done. */
  get size(): number {
    return this.#tails.size;
  }
}
