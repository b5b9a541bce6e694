import { readFloat } from './floats.ts';
import { atomName, atomSize, readIdentifier } from './identifiers.ts';
import { int32, readInteger, readMagnitude, uint16, uint32 } from './integers.ts';
import { skipTerm } from './skip.ts';

/**
 * Finds a map, or a map anywhere in it, that has the same key twice. Erlang refuses such a term.
 * @param start - where the map starts; its structure was checked and reaches to `end`.
 * @returns the offset of a second key, or `undefined` if all keys differ.
 */
export function duplicateKey(bytes: Uint8Array, start: number, end: number): number | undefined {
  const keys = new Keys(bytes.subarray(start, end));
  keys.passMap();
  return keys.duplicate === undefined ? undefined : start + keys.duplicate;
}

/**
 * Gives equal terms the same number, whatever their encoding.
 *
 * A compound is described by the numbers of its parts. Each term is read once, so the work stays linear however keys
 * are nested. Descriptions start with a letter: V8 hashes strings that look like array indexes predictably.
 */
class Keys {
  duplicate: number | undefined;
  private readonly bytes: Uint8Array;
  private at = 0;
  private readonly numbers = new Map<string, number>();
  /** All bytes as characters: a slice of one string costs less than a new string for each key. */
  private readonly text: string;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
  }

  private number(description: string): number {
    const known = this.numbers.get(description);
    if (known !== undefined) return known;
    const next = this.numbers.size;
    this.numbers.set(description, next);
    return next;
  }

  /** Skips a map that needs no number of its own. */
  passMap(): void {
    const pairs = uint32(this.bytes, this.at + 1);
    this.at += 5;
    const seen = new Set<number>();
    for (let i = 0; i < pairs; i++) {
      if (pairs === 1) this.pass();
      else this.identifyKey(seen);
      this.pass();
    }
  }

  private identifyKey(seen: Set<number>): number {
    const start = this.at;
    const key = this.identify();
    if (seen.has(key)) this.duplicate ??= start;
    seen.add(key);
    return key;
  }

  /** Skips a term in which only maps matter. */
  private pass(): void {
    const start = this.at;
    switch (this.bytes[start]) {
      case 116: // MAP_EXT
        this.passMap();
        return;
      case 104: // SMALL_TUPLE_EXT
        this.at += 2;
        this.passMany(this.bytes[start + 1]!);
        return;
      case 105: // LARGE_TUPLE_EXT
        this.at += 5;
        this.passMany(uint32(this.bytes, start + 1));
        return;
      case 108: // LIST_EXT, with its tail
        this.at += 5;
        this.passMany(uint32(this.bytes, start + 1) + 1);
        return;
      case 112: // NEW_FUN_EXT
        this.at += 30;
        this.passMany(4 + uint32(this.bytes, start + 26));
        return;
      case 117: // FUN_EXT
        this.at += 5;
        this.passMany(4 + uint32(this.bytes, start + 1));
        return;
      default:
        this.at = skipTerm(this.bytes, start);
    }
  }

  private passMany(count: number): void {
    for (let i = 0; i < count; i++) this.pass();
  }

  private identify(): number {
    const { bytes, at: start } = this;
    switch (bytes[start]) {
      case 116: // MAP_EXT
        return this.identifyMap();
      case 104: // SMALL_TUPLE_EXT
        this.at += 2;
        return this.number(`t${this.identifyMany(bytes[start + 1]!)}`);
      case 105: // LARGE_TUPLE_EXT
        this.at += 5;
        return this.number(`t${this.identifyMany(uint32(bytes, start + 1))}`);
      case 106: // NIL_EXT
      case 107: // STRING_EXT
      case 108: // LIST_EXT
        return this.identifyList();
      case 112: // NEW_FUN_EXT
        this.at += 30;
        return this.number(
          `n${this.text.slice(start + 5, start + 30)}${this.identifyMany(4 + uint32(bytes, start + 26))}`,
        );
      case 117: // FUN_EXT
        this.at += 5;
        return this.number(`o${this.identifyMany(4 + uint32(bytes, start + 1))}`);
      default:
        this.at = skipTerm(bytes, start);
        return this.number(this.describe(start, this.at));
    }
  }

  private identifyMany(count: number): string {
    const parts = new Array<number>(count);
    for (let i = 0; i < count; i++) parts[i] = this.identify();
    return parts.join(',');
  }

  private identifyMap(): number {
    const pairs = uint32(this.bytes, this.at + 1);
    this.at += 5;
    const seen = new Set<number>();
    const parts = new Array<string>(pairs);
    for (let i = 0; i < pairs; i++) parts[i] = `${this.identifyKey(seen)}:${this.identify()}`;
    return this.number(`M${parts.sort().join(',')}`);
  }

  /**
   * Numbers a list by its elements. One list may come in pieces: each piece is the tail of the one before, a
   * STRING_EXT the last.
   */
  private identifyList(): number {
    const { bytes } = this;
    const parts: number[] = [];
    while (bytes[this.at] === 108) {
      const count = uint32(bytes, this.at + 1);
      this.at += 5;
      for (let i = 0; i < count; i++) parts.push(this.identify());
    }
    if (bytes[this.at] === 107) {
      const first = this.at + 3;
      this.at = first + uint16(bytes, this.at + 1);
      for (let i = first; i < this.at; i++) parts.push(this.number(`i${bytes[i]}`));
      return this.number(`l${parts.join(',')}`);
    }
    if (bytes[this.at] !== 106) return this.number(`l${parts.join(',')}|${this.identify()}`);
    this.at += 1;
    return this.number(`l${parts.join(',')}`);
  }

  private describe(start: number, end: number): string {
    const { bytes } = this;
    switch (bytes[start]) {
      case 97: // SMALL_INTEGER_EXT
        return `i${bytes[start + 1]}`;
      case 98: // INTEGER_EXT
        return `i${int32(bytes, start + 1)}`;
      case 110: // SMALL_BIG_EXT
        return this.describeBig(start + 2, end);
      case 111: // LARGE_BIG_EXT
        return this.describeBig(start + 5, end);
      case 70: // NEW_FLOAT_EXT
      case 99: // FLOAT_EXT
        return describeFloat(readFloat(bytes, start));
      case 77: // BIT_BINARY_EXT
        return this.describeBits(start, end);
      case 109: // BINARY_EXT
        return this.text.slice(start, end); // Starts with the tag, an m.
      case 113: {
        // EXPORT_EXT
        const name = start + 1 + atomSize(bytes, start + 1);
        const arity = readInteger(bytes, name + atomSize(bytes, name));
        return `x${arity}:${JSON.stringify([atomName(bytes, start + 1), atomName(bytes, name)])}`;
      }
      default:
        return this.describeName(start);
    }
  }

  private describeName(start: number): string {
    const identifier = readIdentifier(this.bytes, start);
    if (identifier === undefined) return `a${atomName(this.bytes, start)}`;
    return `${identifier.kind}${identifier.creation}:${identifier.numbers.join('.')}:${identifier.node}`;
  }

  /** Describes an integer the same for each length that it can be padded to; sign and digits start at `sign`. */
  private describeBig(sign: number, end: number): string {
    let size = end - sign - 1;
    while (size > 0 && this.bytes[sign + size] === 0) size--;
    const negative = this.bytes[sign] !== 0;
    if (size < 7) return `i${readMagnitude(this.bytes, sign + 1, size, negative)}`;
    return `${negative ? 'N' : 'P'}${this.text.slice(sign + 1, sign + 1 + size)}`;
  }

  /** Describes a bit string without its unused bits; with all 8 bits used it is a binary. */
  private describeBits(start: number, end: number): string {
    const bits = this.bytes[start + 5]!;
    const length = this.text.slice(start + 1, start + 5);
    if (bits === 8 || bits === 0) return `m${length}${this.text.slice(start + 6, end)}`;
    return `B${bits}:${this.bytes[end - 1]! >> (8 - bits)}:${this.text.slice(start + 6, end - 1)}`;
  }
}

/** Keeps 0.0 and -0.0 apart, as Erlang does since OTP 27; until OTP 26 they are one key. */
function describeFloat(value: number): string {
  return Object.is(value, -0) ? 'f-0' : `f${value}`;
}
