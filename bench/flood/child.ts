import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process of this folder that takes one order at a time. */
export class Child<Order extends object, Result> {
  readonly #process: ChildProcess;

  constructor(file: string) {
    // A session of its own, and with it a place of its own with Linux' scheduler, as the servers have.
    this.#process = fork(fileURLToPath(new URL(file, import.meta.url)), { detached: true });
  }

  /** @throws Error with what went wrong there. */
  async order(order: Order): Promise<Result> {
    const answered = new AbortController();
    const { signal } = answered;
    this.#process.send(order);
    try {
      const [reply] = (await Promise.race([
        once(this.#process, 'message', { signal }),
        once(this.#process, 'exit', { signal }).then(() => [{ error: 'a process of the flood has exited' }]),
      ])) as [{ result: Result } | { error: string }];
      if ('error' in reply) throw new Error(reply.error);
      return reply.result;
    } finally {
      answered.abort();
    }
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.disconnect();
    await gone;
  }
}
