import { processSeconds, residentBytes } from '../load/usage.ts';
import type { Processes } from './system.ts';

/** A number of each part. */
export type EachPart = Readonly<Record<keyof Processes, number>>;

/** Megabytes: of the broker, of Redis, and of the worker with the most. */
export type Memory = EachPart;

const sampleMs = 200;

/** Samples resident memory until it is stopped. */
export class MemoryPeaks {
  readonly #processes: Processes;
  readonly #onSample: (peaks: Memory) => void;
  readonly #timer: NodeJS.Timeout;
  #peaks: Memory = { broker: 0, redis: 0, workers: 0 };

  /** @param onSample - receives the most so far after each sample. */
  constructor(processes: Processes, onSample: (peaks: Memory) => void = () => undefined) {
    this.#processes = processes;
    this.#onSample = onSample;
    this.#timer = setInterval(() => this.#sample(), sampleMs);
    this.#sample();
  }

  /** @returns the most of each since the start. */
  stop(): Memory {
    this.#sample();
    clearInterval(this.#timer);
    return this.#peaks;
  }

  #sample(): void {
    const peak = (part: keyof Memory): number =>
      Math.max(this.#peaks[part], ...this.#processes[part].map((pid) => residentBytes(pid) / 2 ** 20));
    this.#peaks = { broker: peak('broker'), redis: peak('redis'), workers: peak('workers') };
    this.#onSample(this.#peaks);
  }
}

/** How much more than before, never less than nothing. */
export function growth(before: Memory, after: Memory): Memory {
  const more = (part: keyof Memory): number => Math.max(0, after[part] - before[part]);
  return { broker: more('broker'), redis: more('redis'), workers: more('workers') };
}

/** Processor time of each part since its start, in seconds. */
export function cpuSeconds(processes: Processes): EachPart {
  const sum = (pids: readonly number[]): number => pids.reduce((all, pid) => all + processSeconds(pid), 0);
  return { broker: sum(processes.broker), redis: sum(processes.redis), workers: sum(processes.workers) };
}
