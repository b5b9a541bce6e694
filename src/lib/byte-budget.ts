import { Fifo } from './fifo.ts';

interface Turn {
  readonly bytes: number;
  readonly begin: () => void;
}

/**
 * Bounds the bytes that large work holds at the same time. Each key has one turn at a time, and keys come one after the
 * other, so that who asks for much delays itself and no other key.
 */
export class ByteBudget {
  readonly #maxBytes: number;
  readonly #busy = new Set<string>();
  /** In the order in which they come next. */
  readonly #waiting = new Map<string, Fifo<Turn>>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /**
   * Wait for the key's turn, and for room. What is larger than the whole budget goes alone.
   * @returns ends the turn; calling it again does nothing.
   */
  take(key: string, bytes: number): Promise<() => void> {
    return new Promise((resolve) => {
      const turns = this.#waiting.get(key) ?? new Fifo<Turn>();
      turns.push({ bytes, begin: () => resolve(this.#begin(key, bytes)) });
      this.#waiting.set(key, turns);
      this.#beginNext();
    });
  }

  #beginNext(): void {
    for (const [key, turns] of this.#waiting) {
      if (this.#busy.has(key)) continue;
      const turn = turns.peek();
      // Nobody overtakes one that waits for room: it would wait for ever.
      if (turn === undefined || (this.#bytes > 0 && this.#bytes + turn.bytes > this.#maxBytes)) return;
      turns.shift();
      this.#waiting.delete(key);
      if (turns.length > 0) this.#waiting.set(key, turns);
      turn.begin();
    }
  }

  #begin(key: string, bytes: number): () => void {
    this.#busy.add(key);
    this.#bytes += bytes;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#busy.delete(key);
      this.#bytes -= bytes;
      this.#beginNext();
    };
  }
}
