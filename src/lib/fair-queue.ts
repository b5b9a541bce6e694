import { Fifo } from './fifo.ts';

/** Items of one key in their order, and the keys in turn: who has much waiting delays itself and nobody else. */
export class FairQueue<T> {
  /** In the order in which they come next. */
  readonly #keys = new Map<string, Fifo<T>>();
  #length = 0;

  get length(): number {
    return this.#length;
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  push(key: string, item: T): void {
    let items = this.#keys.get(key);
    if (items === undefined) {
      items = new Fifo<T>();
      this.#keys.set(key, items);
    }
    items.push(item);
    this.#length++;
  }

  shift(): T | undefined {
    const next = this.#keys.entries().next();
    if (next.done) return undefined;
    const [key, items] = next.value;
    const item = items.shift();
    this.#keys.delete(key);
    if (items.length > 0) this.#keys.set(key, items);
    this.#length--;
    return item;
  }
}
