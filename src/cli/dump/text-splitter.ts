const NEWLINE = 10;
const SPACE = 32;
const QUOTE = 34;
const DOLLAR = 36;
const PERCENT = 37;
const APOSTROPHE = 39;
const OPENING: ReadonlySet<number> = new Set([...'{[('].map((mark) => mark.charCodeAt(0)));
const CLOSING: ReadonlySet<number> = new Set([...'}])'].map((mark) => mark.charCodeAt(0)));
const COMMA = 44;
const DOT = 46;
const LIST_START = 91;
const BACKSLASH = 92;
const LIST_END = 93;

/** Most lists in lists that are taken apart. */
const deepest = 8;

/**
 * Cuts Erlang text into terms without reading them: at a dot that white space follows, and in a list at each comma. Quotes,
 * comments and characters (`$.`) are skipped. The text is bytes; all marks are ASCII, whatever the encoding.
 */
export class TextSplitter {
  /** Of the first byte that is not taken. */
  line = 1;
  /** Whether what was found holds a term; otherwise it is what stands between terms. */
  isPart = false;
  isOver = false;
  #scanned = 0;
  #quote = 0;
  #inComment = false;
  #depth = 0;
  #lists = 0;

  /** Whether the text is inside a list that was taken apart. */
  get isInList(): boolean {
    return this.#lists > 0;
  }

  /**
   * Find the end of what comes next.
   * @param bytes - all that is not taken; those of the last call, and more behind them.
   * @returns `undefined` if more are needed.
   */
  find(bytes: Buffer): number | undefined {
    let at = this.#scanned;
    while (at < bytes.length) {
      const byte = bytes[at] ?? 0;
      const length =
        byte === BACKSLASH && this.#quote !== 0 ? 2 : byte === DOLLAR ? this.#character(bytes, at) : 1;
      if (at + length > bytes.length || (byte === DOT && at + 1 === bytes.length)) break;
      if (this.#quote !== 0) {
        if (byte === this.#quote) this.#quote = 0;
      } else if (this.#inComment) {
        this.#inComment = byte !== NEWLINE;
      } else {
        const end = this.#mark(byte, bytes, at);
        if (end !== undefined) return end;
      }
      at += length;
    }
    this.#scanned = at;
    return undefined;
  }

  /** The text ends: what is left is the last term. */
  finish(bytes: Buffer): number {
    this.isOver = true;
    return bytes.length;
  }

  /** What was found is taken. */
  next(taken: Buffer): void {
    for (let at = taken.indexOf(NEWLINE); at >= 0; at = taken.indexOf(NEWLINE, at + 1)) this.line++;
    this.isPart = false;
    this.#scanned = 0;
    this.#depth = 0;
  }

  /** How many bytes `$a` or `$\n` has. */
  #character(bytes: Buffer, at: number): number {
    if (this.#quote !== 0 || this.#inComment) return 1;
    return bytes[at + 1] === BACKSLASH ? 3 : 2;
  }

  /** A byte outside of quotes. @returns where a part ends, if it does here. */
  #mark(byte: number, bytes: Buffer, at: number): number | undefined {
    if (byte <= SPACE) return undefined;
    if (byte === PERCENT) {
      this.#inComment = true;
      return undefined;
    }
    if (byte === DOT && isBlank(bytes[at + 1] ?? 0)) {
      this.#lists = 0;
      return at + 1;
    }
    if (this.#depth === 0 && this.#lists > 0 && (byte === COMMA || byte === LIST_END)) {
      if (this.isPart) return at;
      if (byte === LIST_END) this.#lists--;
      return at + 1;
    }
    if (byte === LIST_START && !this.isPart && this.#lists < deepest) {
      this.#lists++;
      return at + 1;
    }
    this.isPart = true;
    if (byte === QUOTE || byte === APOSTROPHE) this.#quote = byte;
    else if (OPENING.has(byte)) this.#depth++;
    else if (CLOSING.has(byte)) this.#depth--;
    return undefined;
  }
}

function isBlank(byte: number): boolean {
  return byte <= SPACE || byte === PERCENT;
}
