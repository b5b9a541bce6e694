import { Fifo } from './fifo.ts';
import { TurnBudget } from './turn-budget.ts';

/** Work that may pause wherever it yields, a few times in a millisecond. */
export type Steps<T> = Generator<undefined, T, undefined>;

interface Paused {
  /** Goes on until the next pause. @returns whether the work has ended. */
  resume(): boolean;
}

/**
 * Cuts long work of many requests into slices that share one budget in each turn of the event loop. Work that ends within the budget is done at
 * once and needs no promise.
 */
export class Slices {
  readonly #budget: TurnBudget;
  readonly #paused = new Fifo<Paused>();

  constructor(budget = new TurnBudget(sliceMilliseconds)) {
    this.#budget = budget;
  }

  /** @returns the result; a promise of it if the work had to pause. */
  run<T>(steps: Steps<T>): T | Promise<T> {
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      if (this.#budget.isSpent) return this.#pause(steps);
    }
  }

  #pause<T>(steps: Steps<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const resume = (): boolean => {
        try {
          do {
            const step = steps.next();
            if (step.done === true) {
              resolve(step.value);
              return true;
            }
          } while (!this.#budget.isSpent);
          return false;
        } catch (error) {
          reject(error);
          return true;
        }
      };
      this.#paused.push({ resume });
      if (this.#paused.length === 1) setImmediate(this.#resume);
    });
  }

  /** Work that pauses again goes to the end of the line. */
  readonly #resume = (): void => {
    do {
      const paused = this.#paused.peek();
      if (paused === undefined) return;
      const hasEnded = paused.resume();
      this.#paused.shift();
      if (!hasEnded) this.#paused.push(paused);
    } while (this.#paused.length > 0 && !this.#budget.isSpent);
    if (this.#paused.length > 0) setImmediate(this.#resume);
  };
}

const sliceMilliseconds = 1;

/** Does the work without a pause. */
export function atOnce<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Sorts in steps: short runs, and then merges of them. `compare` is as that of `Array.sort`. */
export function* sortInSteps<T>(items: readonly T[], compare: (a: T, b: T) => number): Steps<T[]> {
  let sorted: T[] = [];
  for (let from = 0; from < items.length; from += shortRun) {
    for (const item of items.slice(from, from + shortRun).sort(compare)) sorted.push(item);
    yield;
  }
  for (let length = shortRun; length < items.length; length *= 2) {
    const merged: T[] = [];
    for (let from = 0; from < items.length; from += 2 * length) {
      const [middle, end] = [
        Math.min(from + length, items.length),
        Math.min(from + 2 * length, items.length),
      ];
      for (let left = from, right = middle; left < middle || right < end; ) {
        const isLeft = right >= end || (left < middle && compare(sorted[left] as T, sorted[right] as T) <= 0);
        merged.push(sorted[isLeft ? left++ : right++] as T);
        if (merged.length % mergedInStep === 0) yield;
      }
    }
    sorted = merged;
  }
  return sorted;
}

const shortRun = 128;
const mergedInStep = 512;

/** Those of this process: the event loop is one. */
export const slices = new Slices();
