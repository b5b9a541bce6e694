/** Which parts of the sources have run, as reported by V8 itself: the sources are unchanged. */
import { Session } from 'node:inspector/promises';

export class Coverage {
  readonly #session = new Session();
  readonly #folders: readonly string[];
  readonly #seen = new Set<string>();

  private constructor(folders: readonly string[]) {
    this.#folders = folders;
  }

  /** @param folders - the folders whose files count: parts of their paths, such as `/src/etf/`. */
  static async start(folders: readonly string[]): Promise<Coverage> {
    const coverage = new Coverage(folders);
    coverage.#session.connect();
    await coverage.#session.post('Profiler.enable');
    await coverage.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
    return coverage;
  }

  /** How many blocks have run since the start. */
  get blocks(): number {
    return this.#seen.size;
  }

  /** The blocks that ran for the first time since the last call. */
  async news(): Promise<Set<string>> {
    const fresh = (await this.#ran()).filter((block) => !this.#seen.has(block));
    for (const block of fresh) this.#seen.add(block);
    return new Set(fresh);
  }

  /** Which of these blocks have run since the last call. */
  async among(blocks: ReadonlySet<string>): Promise<Set<string>> {
    return new Set((await this.#ran()).filter((block) => blocks.has(block)));
  }

  stop(): void {
    this.#session.disconnect();
  }

  async #ran(): Promise<string[]> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    return result
      .filter(({ url }) => this.#folders.some((folder) => url.includes(folder)))
      .flatMap(({ url, functions }) =>
        functions.flatMap(({ ranges }) =>
          ranges.flatMap(({ startOffset, endOffset, count }) =>
            count > 0 ? [`${url} ${startOffset} ${endOffset}`] : [],
          ),
        ),
      );
  }
}
