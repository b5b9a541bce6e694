import { MAX_ATOM_CHARACTERS } from './atoms.ts';
import { EtfError, type EtfReason, type Limits } from './errors.ts';
import { uint16 } from './integers.ts';
import { countCharacters } from './names.ts';

const DEEPEST = 1000; // keeps recursion far from the end of the stack, whatever the limits say

/**
 * A place in bytes that nobody has checked yet, and what may still be read there. The scanner and the decoder
 * are functions on this one class rather than classes of their own: a subclass would halve their speed, since
 * V8 reads a field fastest where all objects have one shape.
 */
export class Cursor {
  readonly bytes: Uint8Array;
  /** The memory under `bytes` and where they start in it: reading them off a view for each binary is slow. */
  readonly memory: ArrayBufferLike;
  readonly base: number;
  /** Offset of the next byte to read. */
  at: number;
  readonly end: number;
  readonly nesting: number;
  /** Are maps compared already, by a map around? */
  inMap = false;
  /** Were these bytes checked before, so that foreign terms need only be passed over? */
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

  /** Pass over `size` bytes that must be there; returns where they start. */
  skip(size: number): number {
    const start = this.at;
    if (size > this.end - start) this.fail('truncated', start);
    this.at = start + size;
    return start;
  }

  /** Enter a container of `count` terms, whose head was just read: before anything is allocated for it. */
  enter(count: number, depth: number, start: number): void {
    if (depth === 0) this.fail('too_deep', start);
    if (count > this.end - this.at) this.fail('truncated', start);
    this.take(count, start);
  }

  /** Count terms against the limit. */
  take(count: number, start: number): void {
    this.elementsLeft -= count;
    if (this.elementsLeft < 0) this.fail('too_many_elements', start);
  }

  /** The bytes from `start` to here, not copied. */
  view(start: number): Uint8Array {
    return new Uint8Array(this.memory, this.base + start, this.at - start);
  }

  /** Pass over an atom of any encoding, checking its name; returns the offset of the name, which ends at `at`. */
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
