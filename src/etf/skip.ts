import { atomSize, identifierSize } from './identifiers.ts';
import { int32, uint16, uint32 } from './integers.ts';

/**
 * Returns the offset after the term that starts at `at`, in bytes that were validated before (`openMessage`,
 * `decode`).
 *
 * There is no recursion: a container only adds its elements to the number of terms still to skip.
 */
export function skipTerm(bytes: Uint8Array, at: number): number {
  let next = at;
  for (let terms = 1; terms > 0; terms--) {
    const start = next;
    switch (bytes[start]) {
      case 97: // SMALL_INTEGER_EXT
        next += 2;
        break;
      case 98: // INTEGER_EXT
        next += 5;
        break;
      case 100: // ATOM_EXT
      case 118: // ATOM_UTF8_EXT
      case 107: // STRING_EXT
        next += 3 + uint16(bytes, start + 1);
        break;
      case 115: // SMALL_ATOM_EXT
      case 119: // SMALL_ATOM_UTF8_EXT
        next += 2 + bytes[start + 1]!;
        break;
      case 104: // SMALL_TUPLE_EXT
        next += 2;
        terms += bytes[start + 1]!;
        break;
      case 105: // LARGE_TUPLE_EXT
        next += 5;
        terms += int32(bytes, start + 1);
        break;
      case 106: // NIL_EXT
        next += 1;
        break;
      case 108: // LIST_EXT
        next += 5;
        terms += int32(bytes, start + 1) + 1;
        break;
      case 109: // BINARY_EXT
        next += 5 + uint32(bytes, start + 1);
        break;
      case 110: // SMALL_BIG_EXT
        next += 3 + bytes[start + 1]!;
        break;
      case 111: // LARGE_BIG_EXT
      case 77: // BIT_BINARY_EXT
        next += 6 + uint32(bytes, start + 1);
        break;
      case 116: // MAP_EXT
        next += 5;
        terms += 2 * int32(bytes, start + 1);
        break;
      default:
        next = skipIdentifier(bytes, start);
        if (bytes[start] === 117) terms += 4 + int32(bytes, start + 1);
    }
  }
  return next;
}

/** Skips floats, pids, ports, references and funs. Of the old FUN_EXT it skips the head only; terms follow it. */
function skipIdentifier(bytes: Uint8Array, start: number): number {
  const tag = bytes[start]!;
  switch (tag) {
    case 70: // NEW_FLOAT_EXT
      return start + 9;
    case 99: // FLOAT_EXT
      return start + 32;
    case 112: // NEW_FUN_EXT
      return start + 1 + uint32(bytes, start + 1);
    case 117: // FUN_EXT
      return start + 5;
    case 113: {
      // EXPORT_EXT
      const name = start + 1 + atomSize(bytes, start + 1);
      const arity = name + atomSize(bytes, name);
      return arity + (bytes[arity] === 97 ? 2 : 5);
    }
    case 90: // NEWER_REFERENCE_EXT
    case 114: // NEW_REFERENCE_EXT
      return start + 3 + atomSize(bytes, start + 3) + (tag === 90 ? 4 : 1) + 4 * uint16(bytes, start + 1);
    default:
      return start + 1 + atomSize(bytes, start + 1) + identifierSize(tag);
  }
}
