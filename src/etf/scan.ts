import type { Cursor } from './cursor.ts';
import { isFinite64, isFloatText } from './floats.ts';
import { identifierSize } from './identifiers.ts';
import { uint16, uint32 } from './integers.ts';
import { duplicateKey } from './keys.ts';

/**
 * Checks that a term is well formed and within the limits, in one walk that builds nothing.
 *
 * The numbers are the tags of Erlang's External Term Format (erl_ext_dist); `depth` counts down.
 */
export function scan(cursor: Cursor, depth: number): void {
  const start = cursor.at;
  switch (cursor.tag()) {
    case 97: // SMALL_INTEGER_EXT
      cursor.skip(2);
      return;
    case 98: // INTEGER_EXT
      cursor.skip(5);
      return;
    case 100: // ATOM_EXT
    case 115: // SMALL_ATOM_EXT
    case 118: // ATOM_UTF8_EXT
    case 119: // SMALL_ATOM_UTF8_EXT
      cursor.skipAtom();
      return;
    case 104: // SMALL_TUPLE_EXT
      cursor.skip(2);
      scanElements(cursor, cursor.bytes[start + 1]!, depth, start);
      return;
    case 105: // LARGE_TUPLE_EXT
      cursor.skip(5);
      scanElements(cursor, uint32(cursor.bytes, start + 1), depth, start);
      return;
    case 106: // NIL_EXT
      cursor.skip(1);
      return;
    case 107: // STRING_EXT
      scanString(cursor);
      return;
    case 108: // LIST_EXT
      scanList(cursor, depth);
      return;
    case 109: // BINARY_EXT
      cursor.skip(5);
      cursor.skip(uint32(cursor.bytes, start + 1));
      return;
    case 110: // SMALL_BIG_EXT
      cursor.skip(3);
      cursor.skip(cursor.bytes[start + 1]!);
      return;
    case 111: // LARGE_BIG_EXT
      cursor.skip(6);
      cursor.skip(uint32(cursor.bytes, start + 1));
      return;
    default:
      scanForeign(cursor, depth);
  }
}

function scanElements(cursor: Cursor, count: number, depth: number, start: number): void {
  cursor.enter(count, depth, start);
  for (let i = 0; i < count; i++) scan(cursor, depth - 1);
}

function scanString(cursor: Cursor): void {
  const start = cursor.skip(3);
  const length = uint16(cursor.bytes, start + 1);
  cursor.skip(length);
  cursor.take(length, start);
}

/** A tail that is itself a list continues the list, as it does in Erlang. */
function scanList(cursor: Cursor, depth: number): void {
  let empty = true;
  while (cursor.tag() === 108) {
    const start = cursor.skip(5);
    const length = uint32(cursor.bytes, start + 1);
    scanElements(cursor, length, depth, start);
    empty &&= length === 0;
  }
  const tail = cursor.tag();
  if (tail !== 106 && tail !== 107) {
    if (empty) cursor.fail('bad_list', cursor.at);
    cursor.take(1, cursor.at);
  }
  scan(cursor, depth - 1);
}

/** Checks terms that are carried byte for byte. */
export function scanForeign(cursor: Cursor, depth: number): void {
  const start = cursor.at;
  switch (cursor.tag()) {
    case 70: // NEW_FLOAT_EXT
      cursor.skip(9);
      if (!isFinite64(cursor.bytes, start + 1)) cursor.fail('bad_float', start);
      return;
    case 99: // FLOAT_EXT
      cursor.skip(32);
      if (!isFloatText(cursor.bytes, start + 1)) cursor.fail('bad_float', start);
      return;
    case 77: // BIT_BINARY_EXT
      scanBitString(cursor);
      return;
    case 88: // NEW_PID_EXT
    case 103: // PID_EXT
    case 89: // NEW_PORT_EXT
    case 102: // PORT_EXT
    case 120: // V4_PORT_EXT
    case 101: // REFERENCE_EXT
      scanIdentifier(cursor);
      return;
    case 90: // NEWER_REFERENCE_EXT
    case 114: // NEW_REFERENCE_EXT
      scanReference(cursor);
      return;
    case 112: // NEW_FUN_EXT
      scanFun(cursor, depth);
      return;
    case 117: // FUN_EXT
      scanOldFun(cursor, depth);
      return;
    case 113: // EXPORT_EXT
      cursor.skip(1);
      cursor.skipAtom();
      cursor.skipAtom();
      skipSmall(cursor, start);
      return;
    case 116: // MAP_EXT
      scanMap(cursor, depth);
      return;
    default:
      cursor.fail('unknown_tag', start);
  }
}

function scanBitString(cursor: Cursor): void {
  const start = cursor.skip(6);
  const length = uint32(cursor.bytes, start + 1);
  const bits = cursor.bytes[start + 5]!;
  if (bits > 8 || (bits === 0) !== (length === 0)) cursor.fail('bad_bit_string', start);
  cursor.skip(length);
}

/** Checks a pid, a port or a reference of one word: the node's name, then numbers. */
function scanIdentifier(cursor: Cursor): void {
  const start = cursor.skip(1);
  cursor.skipAtom();
  cursor.skip(identifierSize(cursor.bytes[start]!));
}

function scanReference(cursor: Cursor): void {
  const start = cursor.skip(3);
  const words = uint16(cursor.bytes, start + 1);
  if (words > 5) cursor.fail('bad_reference', start);
  cursor.skipAtom();
  cursor.skip((cursor.bytes[start] === 90 ? 4 : 1) + 4 * words);
}

function scanFun(cursor: Cursor, depth: number): void {
  const start = cursor.skip(30);
  const end = start + 1 + uint32(cursor.bytes, start + 1);
  cursor.skipAtom();
  skipSmall(cursor, start);
  skipSmall(cursor, start);
  scanPid(cursor, start);
  scanElements(cursor, uint32(cursor.bytes, start + 26), depth, start);
  if (cursor.at !== end) cursor.fail('bad_fun', start);
}

function scanOldFun(cursor: Cursor, depth: number): void {
  const start = cursor.skip(5);
  scanPid(cursor, start);
  cursor.skipAtom();
  skipSmall(cursor, start);
  skipSmall(cursor, start);
  scanElements(cursor, uint32(cursor.bytes, start + 1), depth, start);
}

function scanPid(cursor: Cursor, fun: number): void {
  const tag = cursor.tag();
  if (tag !== 88 && tag !== 103) cursor.fail('bad_fun', fun);
  scanIdentifier(cursor);
}

function skipSmall(cursor: Cursor, fun: number): void {
  const tag = cursor.tag();
  if (tag !== 97 && tag !== 98) cursor.fail('bad_fun', fun);
  cursor.skip(tag === 97 ? 2 : 5);
}

/** Compares keys once, for the outermost map and all maps in it, so that no byte is compared at each level. */
function scanMap(cursor: Cursor, depth: number): void {
  const outermost = !cursor.inMap;
  cursor.inMap = true;
  const start = cursor.skip(5);
  scanElements(cursor, 2 * uint32(cursor.bytes, start + 1), depth, start);
  if (!outermost) return;
  cursor.inMap = false;
  const duplicate = duplicateKey(cursor.bytes, start, cursor.at);
  if (duplicate !== undefined) cursor.fail('duplicate_key', duplicate);
}
