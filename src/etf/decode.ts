import { knownAtom } from './atoms.ts';
import { Cursor } from './cursor.ts';
import { openEnvelope, plain } from './envelope.ts';
import { defaultLimits, EtfError, type Limits } from './errors.ts';
import { int32, readMagnitude, uint16, uint32 } from './integers.ts';
import { decodeLatin1, decodeUtf8 } from './names.ts';
import { scanForeign } from './scan.ts';
import { skipTerm } from './skip.ts';
import { Atom, Foreign, ImproperList, type Term, Tuple } from './terms.ts';

/**
 * Reads one message: 131 and a term, or 131, 80 and a compressed term.
 * Binaries and foreign terms in the result are views on the message (on a new buffer if it was compressed).
 * @throws EtfError for anything but exactly one well-formed term within the limits; no other error.
 * @see Erlang's External Term Format, erl_ext_dist
 */
export function decode(message: Uint8Array, limits: Limits = defaultLimits): Term {
  const { bytes, start } = openEnvelope(message, limits);
  return readRoot(new Cursor(bytes, start, limits));
}

/** Reads a term without the leading 131, of at most `inflatedBytes` bytes. */
export function decodeFragment(fragment: Uint8Array, limits: Limits = defaultLimits): Term {
  if (fragment.length > limits.inflatedBytes) throw new EtfError('payload_too_large', limits.inflatedBytes);
  return readRoot(new Cursor(plain(fragment), 0, limits));
}

/** Reads a fragment that was validated before; only the inside of foreign terms needs this. */
export function decodeValidated(fragment: Uint8Array): Term {
  const cursor = new Cursor(plain(fragment), 0, unlimited);
  cursor.validated = true;
  return readRoot(cursor);
}

const unlimited: Limits = {
  payloadBytes: Number.MAX_SAFE_INTEGER,
  nesting: Number.MAX_SAFE_INTEGER,
  elements: Number.MAX_SAFE_INTEGER,
  inflatedBytes: Number.MAX_SAFE_INTEGER,
};

function readRoot(cursor: Cursor): Term {
  const term = readTerm(cursor, cursor.nesting);
  cursor.expectEnd();
  return term;
}

/** Builds the term in one pass, so that each byte is checked once. The scanner checks foreign terms. */
function readTerm(cursor: Cursor, depth: number): Term {
  const { bytes, at: start } = cursor;
  switch (cursor.tag()) {
    case 97: // SMALL_INTEGER_EXT
      cursor.skip(2);
      return bytes[start + 1]!;
    case 98: // INTEGER_EXT
      cursor.skip(5);
      return int32(bytes, start + 1);
    case 100: // ATOM_EXT
    case 115: // SMALL_ATOM_EXT
    case 118: // ATOM_UTF8_EXT
    case 119: // SMALL_ATOM_UTF8_EXT
      return readAtom(cursor);
    case 104: // SMALL_TUPLE_EXT
      cursor.skip(2);
      return new Tuple(readElements(cursor, bytes[start + 1]!, depth, start));
    case 105: // LARGE_TUPLE_EXT
      cursor.skip(5);
      return new Tuple(readElements(cursor, uint32(bytes, start + 1), depth, start));
    case 106: // NIL_EXT
      return readNil(cursor);
    case 107: // STRING_EXT
      return readString(cursor, []);
    case 108: // LIST_EXT
      return readList(cursor, depth);
    case 109: // BINARY_EXT
      return readBinary(cursor);
    case 110: // SMALL_BIG_EXT
      cursor.skip(3);
      cursor.skip(bytes[start + 1]!);
      return readMagnitude(bytes, start + 3, bytes[start + 1]!, bytes[start + 2] !== 0);
    case 111: // LARGE_BIG_EXT
      cursor.skip(6);
      cursor.skip(uint32(bytes, start + 1));
      return readMagnitude(bytes, start + 6, uint32(bytes, start + 1), bytes[start + 5] !== 0);
    default:
      if (cursor.validated) cursor.at = skipTerm(bytes, start);
      else scanForeign(cursor, depth);
      return new Foreign(cursor.view(start));
  }
}

function readNil(cursor: Cursor): Term[] {
  cursor.skip(1);
  return [];
}

function readBinary(cursor: Cursor): Uint8Array {
  const start = cursor.skip(5);
  const length = uint32(cursor.bytes, start + 1);
  cursor.skip(length);
  return new Uint8Array(cursor.memory, cursor.base + start + 5, length);
}

function readAtom(cursor: Cursor): Atom {
  const { bytes, at: start } = cursor;
  const tag = bytes[start];
  // The protocol's own words are valid as they are, so most atoms need no check of their name.
  const head = tag === 115 || tag === 119 ? 2 : 3;
  const room = cursor.end - start - head;
  if (room > 0) {
    const length = head === 2 ? bytes[start + 1]! : uint16(bytes, start + 1);
    const known = length <= room ? knownAtom(bytes, start + head, length) : undefined;
    if (known !== undefined) {
      cursor.at = start + head + length;
      return known;
    }
  }
  const name = cursor.skipAtom();
  const utf8 = tag === 118 || tag === 119;
  return new Atom(utf8 ? decodeUtf8(bytes, name, cursor.at) : decodeLatin1(bytes, name, cursor.at));
}

function readElements(cursor: Cursor, count: number, depth: number, start: number): Term[] {
  cursor.enter(count, depth, start);
  const elements = new Array<Term>(count);
  for (let i = 0; i < count; i++) {
    // Most fields of records are of these two kinds. They are small enough for V8 to read here.
    const tag = cursor.tag();
    if (tag === 109) elements[i] = readBinary(cursor);
    else if (tag === 106) elements[i] = readNil(cursor);
    else elements[i] = readTerm(cursor, depth - 1);
  }
  return elements;
}

function readString(cursor: Cursor, elements: Term[]): Term[] {
  const start = cursor.skip(3);
  const length = uint16(cursor.bytes, start + 1);
  cursor.skip(length);
  cursor.take(length, start);
  for (let i = start + 3; i < cursor.at; i++) elements.push(cursor.bytes[i]!);
  return elements;
}

/** A tail that is itself a list continues the list, as it does in Erlang. */
function readList(cursor: Cursor, depth: number): Term[] | ImproperList {
  const start = cursor.skip(5);
  const elements = readElements(cursor, uint32(cursor.bytes, start + 1), depth, start);
  while (cursor.tag() === 108) {
    const piece = cursor.skip(5);
    const length = uint32(cursor.bytes, piece + 1);
    cursor.enter(length, depth, piece);
    for (let i = 0; i < length; i++) elements.push(readTerm(cursor, depth - 1));
  }
  const tag = cursor.tag();
  if (tag === 106) {
    cursor.skip(1);
    return elements;
  }
  if (tag === 107) return readString(cursor, elements);
  if (elements.length === 0) cursor.fail('bad_list', cursor.at);
  cursor.take(1, cursor.at);
  return new ImproperList(elements, readTerm(cursor, depth - 1));
}
