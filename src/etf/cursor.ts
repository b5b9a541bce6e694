import { MAX_ATOM_CHARACTERS } from './atoms.ts';
import { EtfError, type EtfReason, type Limits } from './errors.ts';
import { uint16 } from './integers.ts';
import { countCharacters } from './names.ts';

const DEEPEST = 1000; // Keeps recursion far from the end of the stack, whatever the limits allow.

/**
 * A position in unchecked bytes, with the limits for what is still to be read.
 *
 * The scanner and the decoder are functions on this one class: a subclass of their own would halve their speed, since
 * V8 reads a field fastest where all objects have one shape.
 */
export class Cursor {
  readonly bytes: Uint8Array;
  /** The memory under `bytes` and their offset in it. Reading them from the view for each binary is slow. */
  readonly memory: ArrayBufferLike;
  readonly base: number;
  /** Offset of the next byte to read. */
  at: number;
  readonly end: number;
  readonly nesting: number;
  /** Whether an enclosing map already compares the keys of the maps in it. */
  inMap = false;
  /** Whether these bytes were checked before; foreign terms are then only skipped. */
  validated = false;
  private elementsLeft: number;

  constructor(bytes: Uint8Array, at: number, limits: Limits) {
    this.bytes = bytes;
    this.memory = bytes.buffer;
    this.base = bytes.byteOffset;
    this.at = at;
    this.end = bytes.length;
    this.nesting = Math.min(limits.nesting, DEEPEST);
    this.elementsLeft = limits.elements;
  }

  fail(reason: EtfReason, offset: number): never {
    throw new EtfError(reason, offset);
  }

  expectEnd(): void {
    if (this.at !== this.end) this.fail('trailing_bytes', this.at);
  }

  /** The tag of the next term. */
  tag(): number {
    if (this.at >= this.end) this.fail('truncated', this.at);
    return this.bytes[this.at]!;
  }

  /** Skips `size` bytes that must be there, and returns their offset. */
  skip(size: number): number {
    const start = this.at;
    if (size > this.end - start) this.fail('truncated', start);
    this.at = start + size;
    return start;
  }

  /** Enters a container of `count` terms whose head was just read. Checks the limits before anything is allocated. */
  enter(count: number, depth: number, start: number): void {
    if (depth === 0) this.fail('too_deep', start);
    if (count > this.end - this.at) this.fail('truncated', start);
    this.take(count, start);
  }

  /** Counts terms against the limit. */
  take(count: number, start: number): void {
    this.elementsLeft -= count;
    if (this.elementsLeft < 0) this.fail('too_many_elements', start);
  }

  /** The bytes from `start` to the current position, not copied. */
  view(start: number): Uint8Array {
    return new Uint8Array(this.memory, this.base + start, this.at - start);
  }

  /** Skips an atom of any encoding and checks its name. Returns the offset of the name, which ends at `at`. */
  skipAtom(): number {
    const start = this.at;
    const tag = this.tag();
    const small = tag === 115 || tag === 119;
    if (!small && tag !== 100 && tag !== 118) this.fail('bad_atom', start);
    const head = small ? 2 : 3;
    this.skip(head);
    const length = small ? this.bytes[start + 1]! : uint16(this.bytes, start + 1);
    this.skip(length);
    const utf8 = tag === 118 || tag === 119;
    const characters = utf8 ? countCharacters(this.bytes, start + head, this.at) : length;
    if (characters < 0 || characters > MAX_ATOM_CHARACTERS) this.fail('bad_atom', start);
    return start + head;
  }
}
