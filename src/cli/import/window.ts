/** Runs tasks beside each other, bounded in number and bytes, and those of one key one behind the other. */
export class Window {
  readonly #running = new Map<string, Promise<void>>();
  #bytes = 0;
  #fault: unknown;

  /**
   * Start a task as soon as there is room.
   * @param bytes - held by it.
   * @throws what an earlier task has thrown.
   */
  async add(key: string, bytes: number, task: () => Promise<void>): Promise<void> {
    while (this.#running.has(key)) await this.#running.get(key);
    while (this.#running.size >= maxTasks || (this.#bytes > 0 && this.#bytes + bytes > maxBytes))
      await Promise.race(this.#running.values());
    if (this.#fault !== undefined) throw this.#fault;
    this.#bytes += bytes;
    const run = async (): Promise<void> => {
      try {
        await task();
      } catch (error) {
        this.#fault ??= error;
      } finally {
        this.#bytes -= bytes;
        this.#running.delete(key);
      }
    };
    this.#running.set(key, run());
  }

  /** Wait for all. @throws what one of them has thrown. */
  async end(): Promise<void> {
    await Promise.all(this.#running.values());
    if (this.#fault !== undefined) throw this.#fault;
  }
}

const maxTasks = 128;
const maxBytes = 16 * 2 ** 20;
