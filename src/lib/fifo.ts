/** A first-in-first-out queue whose `shift` does not move the rest, unlike an array's. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  peek(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    const item = this.#items[this.#head];
    if (this.#head === this.#items.length) return undefined;
    this.#items[this.#head++] = undefined; // keep no reference to a taken item
    if (this.#head === this.#items.length) this.#reset();
    else if (this.#head > 1024 && this.#head * 2 > this.#items.length)
      this.#reset(this.#items.slice(this.#head));
    return item;
  }

  /** Put items before all others, in their own order. */
  unshift(items: readonly T[]): void {
    this.#reset([...items, ...this.#items.slice(this.#head)]);
  }

  /** Remove and return all items. */
  drain(): T[] {
    const items = this.#items.slice(this.#head) as T[];
    this.#reset();
    return items;
  }

  #reset(items: (T | undefined)[] = []): void {
    this.#items = items;
    this.#head = 0;
  }
}
