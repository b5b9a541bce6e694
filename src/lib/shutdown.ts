import { setTimeout as sleep } from 'node:timers/promises';

/** Maximum time of a best-effort step. */
const bestEffortMs = 1_000;

/** The steps that stop a program. They run one after another, the last added first. */
export class Shutdown {
  readonly #steps: (() => unknown)[] = [];
  #running: Promise<void> | undefined;

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** @param step - may return a promise; a rejection ends the shutdown. */
  add(step: () => unknown): void {
    this.#steps.push(step);
  }

  /** Add a step that may fail, or take longer than a second, without stopping the others: a server may be away. */
  addBestEffort(step: () => Promise<void>): void {
    this.add(() => Promise.race([step().catch(() => undefined), sleep(bestEffortMs)]));
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
