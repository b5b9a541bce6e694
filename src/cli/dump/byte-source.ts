/** Bytes that arrive in pieces, of which no more are held than the reader asks for. */
export class ByteSource {
  readonly #pieces: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);
  #at = 0;
  #taken = 0;

  constructor(pieces: AsyncIterable<Buffer>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** How many bytes were taken; the offset of the next one. */
  get offset(): number {
    return this.#taken;
  }

  /** What is held and not taken yet. */
  get bytes(): Buffer {
    return this.#held.subarray(this.#at);
  }

  /** Hold at least so many bytes. @returns whether there are so many. */
  async fill(size: number): Promise<boolean> {
    const pieces = [this.bytes];
    let held = this.bytes.length;
    while (held < size) {
      const { value, done } = await this.#pieces.next();
      if (done) break;
      pieces.push(value);
      held += value.length;
    }
    if (pieces.length > 1) {
      this.#held = Buffer.concat(pieces);
      this.#at = 0;
    }
    return held >= size;
  }

  /** Take bytes that are held; they stay valid. */
  take(size: number): Buffer {
    const bytes = this.#held.subarray(this.#at, this.#at + size);
    this.#at += bytes.length;
    this.#taken += bytes.length;
    return bytes;
  }

  /** Put the last bytes back that were taken since the last `fill`. */
  putBack(size: number): void {
    this.#at -= size;
    this.#taken -= size;
  }
}
