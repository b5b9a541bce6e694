/** A bar on standard error, for a person; nothing is shown where that is no terminal. */
export class Progress {
  readonly #total: number | undefined;
  readonly #stream = process.stderr;
  #done = 0;
  #shownAt = Number.NEGATIVE_INFINITY;

  /** @param total - of the same unit as `add`; `undefined` for a line without a bar. */
  constructor(total: number | undefined) {
    this.#total = total;
  }

  /** @param text - stands behind the bar. */
  add(amount: number, text: string): void {
    this.#done += amount;
    if (!this.#stream.isTTY || performance.now() - this.#shownAt < everyMs) return;
    this.#shownAt = performance.now();
    const line =
      this.#total === undefined ? text : `${barOf(this.#done / Math.max(1, this.#total))}  ${text}`;
    this.#stream.write(`\r\x1b[K${line.slice(0, this.#stream.columns - 1)}`);
  }

  /** Make room for a line. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write('\r\x1b[K');
    this.#shownAt = Number.NEGATIVE_INFINITY;
  }
}

const width = 30;
const everyMs = 100;

function barOf(done: number): string {
  const share = Math.min(1, done);
  const full = Math.round(share * width);
  return `${'█'.repeat(full)}${'░'.repeat(width - full)} ${Math.floor(share * 100)} %`;
}
