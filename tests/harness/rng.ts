/** Chance that can be repeated: the same seed and name give the same numbers on every machine. */
export class Rng {
  #state: number;

  /** @param name - several streams of one seed don't disturb each other. */
  constructor(seed: number, name: string) {
    this.#state = seed | 0;
    for (const character of name)
      this.#state = Math.imul(this.#state ^ (character.codePointAt(0) ?? 0), 16_777_619);
  }

  /** From 0 to 1, without 1: Mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0, below `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** True so often, from 0 to 1. */
  is(share: number): boolean {
    return this.next() < share;
  }

  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.below(choices.length)];
    if (choice === undefined) throw new RangeError('nothing to pick from');
    return choice;
  }

  /** Some of these, each with this chance, and one at least. */
  some<T>(all: readonly T[], share: number): readonly T[] {
    const chosen = all.filter(() => this.is(share));
    return chosen.length > 0 || all.length === 0 ? chosen : [this.pick(all)];
  }

  /** A key, each as often as its value says beside the others. */
  weighted<Key extends string>(weights: Readonly<Record<Key, number>>): Key {
    const entries = Object.entries(weights) as [Key, number][];
    let left = this.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    return this.pick(entries)[0];
  }
}
