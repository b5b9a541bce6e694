import { plain } from './envelope.ts';
import { Atom, Foreign, ImproperList, type Term, Tuple } from './terms.ts';

/**
 * Writes a term as a message, 131 first: the bytes of Erlang's `term_to_binary`. Atoms with a Latin-1 name are
 * ATOM_EXT, which every client reads.
 * @throws RangeError for a number that is not an integer within ±(2^53 - 1).
 */
export function encode(term: Term): Buffer {
  return writer.message(term);
}

/** Writes a term without the leading 131. */
export function encodeFragment(term: Term): Buffer {
  return writer.fragment(term);
}

const SLAB_BYTES = 32_768;
const MAX_STRING = 65_535; // Longest list that STRING_EXT can hold.

/**
 * Writes terms one behind the other into a slab, and returns each as its own part of the slab without a copy. Parts
 * that were returned are never written again. The garbage collector frees a full slab.
 */
class Writer {
  private buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  /** The same memory as `buffer`: writing elements of a plain Uint8Array is faster. */
  private slab = plain(this.buffer);
  private size = SLAB_BYTES;
  private start = 0;
  private at = 0;

  message(term: Term): Buffer {
    this.begin();
    this.slab[this.at++] = 131;
    this.write(term);
    return this.finish();
  }

  fragment(term: Term): Buffer {
    this.begin();
    this.write(term);
    return this.finish();
  }

  private begin(): void {
    // Short terms do not keep a slab alive that grew for one long term.
    if (this.size > SLAB_BYTES) this.at = this.size;
    this.start = this.at;
    this.reserve(1);
  }

  private finish(): Buffer {
    return this.buffer.subarray(this.start, this.at);
  }

  /** Makes room for `size` more bytes. */
  private reserve(size: number): void {
    if (this.at + size > this.size) this.grow(size);
  }

  private grow(size: number): void {
    const written = this.at - this.start;
    const grown = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, 2 * (written + size)));
    grown.set(this.slab.subarray(this.start, this.at));
    this.buffer = grown;
    this.slab = plain(grown);
    this.size = grown.length;
    this.start = 0;
    this.at = written;
  }

  private write(term: Term): void {
    if (Array.isArray(term)) this.list(term);
    else if (term instanceof Tuple) this.tuple(term.elements);
    else if (typeof term === 'number') this.integer(term);
    else if (term instanceof Uint8Array) this.binary(term);
    else if (term instanceof Atom) this.atom(term.name);
    else if (typeof term === 'bigint') this.bigint(term);
    else if (term instanceof Foreign) this.foreign(term.bytes);
    else if (term instanceof ImproperList) {
      this.reserve(5);
      this.head32(108, term.elements.length);
      this.writeAll(term.elements);
      this.write(term.tail);
    } else throw new RangeError('not a term');
  }

  /** Calls `write` for each term, but writes leaves directly: most terms then cost no call. */
  private writeAll(terms: readonly Term[]): void {
    for (let i = 0; i < terms.length; i++) {
      const term = terms[i]!;
      if (typeof term === 'number') this.integer(term);
      else if (term instanceof Uint8Array) this.binary(term);
      else if (term instanceof Atom) this.atom(term.name);
      else this.write(term);
    }
  }

  /** Writes a tag and a length of 4 bytes. Like `head16` and `bytes`, it needs reserved room. */
  private head32(tag: number, length: number): void {
    const { slab, at } = this;
    slab[at] = tag;
    slab[at + 1] = length >>> 24;
    slab[at + 2] = length >>> 16;
    slab[at + 3] = length >>> 8;
    slab[at + 4] = length;
    this.at = at + 5;
  }

  private head16(tag: number, length: number): void {
    const { slab, at } = this;
    slab[at] = tag;
    slab[at + 1] = length >>> 8;
    slab[at + 2] = length;
    this.at = at + 3;
  }

  private foreign(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes(bytes);
  }

  private bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    const { slab, at } = this;
    if (length < 48) for (let i = 0; i < length; i++) slab[at + i] = bytes[i]!;
    else slab.set(bytes, at);
    this.at = at + length;
  }

  private binary(bytes: Uint8Array): void {
    const { length } = bytes;
    this.reserve(5 + length);
    this.head32(109, length);
    this.bytes(bytes);
  }

  private atom(name: string): void {
    const { length } = name;
    this.reserve(3 + length);
    const { slab } = this;
    const start = this.at + 3;
    for (let i = 0; i < length; i++) {
      const code = name.charCodeAt(i);
      if (code > 0xff) {
        this.wideAtom(name);
        return;
      }
      slab[start + i] = code;
    }
    this.head16(100, length);
    this.at = start + length;
  }

  private wideAtom(name: string): void {
    const utf8 = Buffer.from(name, 'utf8');
    this.reserve(3 + utf8.length);
    if (utf8.length > 255) this.head16(118, utf8.length);
    else {
      this.slab[this.at++] = 119;
      this.slab[this.at++] = utf8.length;
    }
    this.bytes(utf8);
  }

  private tuple(elements: readonly Term[]): void {
    const { length } = elements;
    this.reserve(5);
    if (length > 255) this.head32(105, length);
    else {
      this.slab[this.at++] = 104;
      this.slab[this.at++] = length;
    }
    this.writeAll(elements);
  }

  private list(elements: readonly Term[]): void {
    const { length } = elements;
    if (length > 0) {
      if (length <= MAX_STRING && this.string(elements)) return;
      this.reserve(5);
      this.head32(108, length);
      this.writeAll(elements);
    }
    this.reserve(1);
    this.slab[this.at++] = 106;
  }

  /** Writes a list of bytes as STRING_EXT, as Erlang does. Returns false, with nothing written, for any other list. */
  private string(elements: readonly Term[]): boolean {
    if (!isByte(elements[0])) return false;
    const { length } = elements;
    this.reserve(3 + length);
    const start = this.at + 3;
    for (let i = 0; i < length; i++) {
      const element = elements[i];
      if (!isByte(element)) return false;
      this.slab[start + i] = element;
    }
    this.head16(107, length);
    this.at = start + length;
    return true;
  }

  private integer(value: number): void {
    this.reserve(10);
    if (isByte(value)) {
      this.slab[this.at++] = 97;
      this.slab[this.at++] = value;
    } else if ((value | 0) === value) this.head32(98, value);
    else if (Number.isSafeInteger(value)) this.safeInteger(value);
    else throw new RangeError('a number in a term is an integer within ±(2^53 - 1); use a bigint beyond');
  }

  /** 4 to 7 bytes, little-endian, behind their sign. */
  private safeInteger(value: number): void {
    const { slab, at } = this;
    const magnitude = Math.abs(value);
    let next = at + 3;
    let low = magnitude >>> 0;
    for (let i = 0; i < 4; i++, low >>>= 8) slab[next++] = low;
    for (let high = Math.floor(magnitude / 0x1_0000_0000); high > 0; high >>>= 8) slab[next++] = high;
    slab[at] = 110;
    slab[at + 1] = next - at - 3;
    slab[at + 2] = value < 0 ? 1 : 0;
    this.at = next;
  }

  private bigint(value: bigint): void {
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) {
      this.integer(Number(value));
      return;
    }
    const hex = (value < 0n ? -value : value).toString(16);
    const magnitude = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').reverse();
    this.reserve(6 + magnitude.length);
    if (magnitude.length > 255) this.head32(111, magnitude.length);
    else {
      this.slab[this.at++] = 110;
      this.slab[this.at++] = magnitude.length;
    }
    this.slab[this.at++] = value < 0n ? 1 : 0;
    this.bytes(magnitude);
  }
}

function isByte(term: Term | undefined): term is number {
  return typeof term === 'number' && (term & 0xff) === term;
}

const writer = new Writer();
