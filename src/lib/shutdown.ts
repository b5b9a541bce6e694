import { inTime } from './in-time.ts';

/** Maximum time of all best-effort steps together: several may wait for the same server. */
const bestEffortMs = 1_000;
/** Each has this much all the same. */
const minMs = 100;

/** The steps that stop a program. They run one after another, the last added first. */
export class Shutdown {
  readonly #steps: (() => unknown)[] = [];
  #running: Promise<void> | undefined;
  #leftMs = bestEffortMs;

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** @param step - may return a promise; a rejection ends the shutdown. */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Add a step that may fail, or take too long, without stopping the others: a server may be away. */
  addBestEffort(step: () => Promise<void>): void {
    this.add(async () => {
      const begun = performance.now();
      const done = step().catch(() => undefined);
      await inTime(done, Math.max(minMs, this.#leftMs), undefined);
      this.#leftMs -= performance.now() - begun;
    });
  }

  /** Run all steps. A second call waits for the first. */
  run(): Promise<void> {
    this.#running ??= this.#runAll();
    return this.#running;
  }

  async #runAll(): Promise<void> {
    for (const step of this.#steps.reverse()) await step();
  }
}
