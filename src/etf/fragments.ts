import { Cursor } from './cursor.ts';
import { openEnvelope, plain } from './envelope.ts';
import { defaultLimits, type Limits } from './errors.ts';
import { uint16, uint32 } from './integers.ts';
import { scan } from './scan.ts';
import { skipTerm } from './skip.ts';

export { skipTerm } from './skip.ts';

/**
 * A term's bytes without the leading 131.
 *
 * All functions here but `openMessage` take fragments that come from it, from `decode` or from an encoder: they do
 * not check again what was checked once.
 */
export type Fragment = Uint8Array;

/**
 * Checks a whole message against all limits and returns its term's bytes; decodes nothing.
 * @returns a view on the message, or on a new buffer if it was compressed.
 * @throws EtfError for exactly those messages that `decode` refuses.
 */
export function openMessage(message: Uint8Array, limits: Limits = defaultLimits): Fragment {
  const { bytes, start } = openEnvelope(message, limits);
  const cursor = new Cursor(bytes, start, limits);
  scan(cursor, cursor.nesting);
  cursor.expectEnd();
  return part(bytes, start, bytes.length);
}

/**
 * Checks the term that starts at `at`, in bytes that may go on behind it, such as one of many terms in a file.
 * @param limits - of nesting and elements; the caller bounds the bytes.
 * @returns the offset behind the term.
 * @throws EtfError; `'truncated'` if the bytes end first.
 */
export function termEnd(bytes: Uint8Array, at: number, limits: Limits = defaultLimits): number {
  const cursor = new Cursor(plain(bytes), at, limits);
  scan(cursor, cursor.nesting);
  return cursor.at;
}

function part(bytes: Uint8Array, start: number, end: number): Fragment {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

/** The arity of a tuple; -1 for any other term. */
export function tupleArity(fragment: Fragment, at = 0): number {
  const tag = fragment[at];
  if (tag === 104) return fragment[at + 1]!;
  return tag === 105 ? uint32(fragment, at + 1) : -1;
}

/**
 * Finds the elements of the tuple at `at` without making an object for each.
 * @param into - receives the offset of each element, then the end of the last one, as far as its length allows.
 * @returns the arity; -1 for any other term.
 */
export function elementOffsets(fragment: Fragment, at: number, into: Int32Array): number {
  const arity = tupleArity(fragment, at);
  if (arity < 0) return -1;
  const filled = Math.min(arity + 1, into.length);
  let next = at + (fragment[at] === 104 ? 2 : 5);
  for (let i = 0; i < filled; i++) {
    into[i] = next;
    if (i + 1 < filled) next = skipTerm(fragment, next);
  }
  return arity;
}

/**
 * The elements of a tuple as views; `undefined` for any other term.
 * @param from - how many elements to skip at the start.
 */
export function tupleElements(fragment: Fragment, from = 0): Fragment[] | undefined {
  const arity = tupleArity(fragment);
  if (arity < 0) return undefined;
  let at = fragment[0] === 104 ? 2 : 5;
  for (let left = Math.min(from, arity); left > 0; left--) at = skipTerm(fragment, at);
  const elements: Fragment[] = [];
  pushElements(fragment, at, arity - from, elements);
  return elements;
}

/** The elements of a proper list, each integer of a STRING_EXT as its own fragment; `undefined` for any other term. */
export function listElements(fragment: Fragment): Fragment[] | undefined {
  const elements: Fragment[] = [];
  let at = 0;
  while (fragment[at] === 108) at = pushElements(fragment, at + 5, uint32(fragment, at + 1), elements);
  if (fragment[at] === 106) return elements;
  if (fragment[at] !== 107) return undefined;
  const end = at + 3 + uint16(fragment, at + 1);
  for (let i = at + 3; i < end; i++) elements.push(Uint8Array.of(97, fragment[i]!));
  return elements;
}

/** Returns the offset after the last element. */
function pushElements(fragment: Fragment, first: number, count: number, into: Fragment[]): number {
  let at = first;
  for (let i = 0; i < count; i++) {
    const end = skipTerm(fragment, at);
    into.push(part(fragment, at, end));
    at = end;
  }
  return at;
}

/** Makes a tuple of these elements. */
export function tupleOf(elements: readonly Fragment[]): Buffer {
  const { length } = elements;
  const small = length <= 255;
  const tuple = Buffer.allocUnsafe((small ? 2 : 5) + totalLength(elements));
  tuple[0] = small ? 104 : 105;
  if (small) tuple[1] = length;
  else tuple.writeUInt32BE(length, 1);
  copyAll(elements, tuple, small ? 2 : 5);
  return tuple;
}

/** Makes a list of these elements. For 1 to 65,535 bytes it is a STRING_EXT, as `encode` and Erlang write it. */
export function listOf(elements: readonly Fragment[]): Buffer {
  const { length } = elements;
  if (length === 0) return Buffer.of(106);
  if (length <= 65_535 && elements.every((element) => element[0] === 97)) return stringOf(elements);
  const list = Buffer.allocUnsafe(6 + totalLength(elements));
  list[0] = 108;
  list.writeUInt32BE(length, 1);
  list[copyAll(elements, list, 5)] = 106;
  return list;
}

function stringOf(elements: readonly Fragment[]): Buffer {
  const string = Buffer.allocUnsafe(3 + elements.length);
  string[0] = 107;
  string.writeUInt16BE(elements.length, 1);
  for (let i = 0; i < elements.length; i++) string[3 + i] = elements[i]![1]!;
  return string;
}

/** Makes a message of this term: 131 and its bytes. */
export function messageOf(fragment: Fragment): Buffer {
  const message = Buffer.allocUnsafe(1 + fragment.length);
  message[0] = 131;
  message.set(fragment, 1);
  return message;
}

function totalLength(fragments: readonly Fragment[]): number {
  let total = 0;
  for (const fragment of fragments) total += fragment.length;
  return total;
}

/** Writes the fragments one behind the other. Returns the offset after the last one. */
function copyAll(fragments: readonly Fragment[], into: Buffer, first: number): number {
  let at = first;
  for (const fragment of fragments) {
    into.set(fragment, at);
    at += fragment.length;
  }
  return at;
}
