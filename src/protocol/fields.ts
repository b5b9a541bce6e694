import {
  atomName,
  decodeFragment,
  encodeFragment,
  type Fragment,
  type Limits,
  type Term,
} from '../etf/index.ts';

/** `[]`, the value of a field that is not set. */
export const unset: Fragment = encodeFragment([]);

/** Whether a field is not set: `[]`, or `undefined`, which some clients write. */
export function isUnset(fragment: Fragment, at = 0): boolean {
  return isEmptyList(fragment, at) || readAtom(fragment, at) === 'undefined';
}

/** Whether the term is `[]`. Encoders in the field also write it as a LIST_EXT or STRING_EXT of length 0. */
function isEmptyList(fragment: Fragment, start: number): boolean {
  let at = start;
  while (fragment[at] === LIST_EXT && isZero(fragment, at + 1, 4)) at += 5; // its tail follows
  return fragment[at] === NIL_EXT || (fragment[at] === STRING_EXT && isZero(fragment, at + 1, 2));
}

function isZero(fragment: Fragment, at: number, count: number): boolean {
  for (let i = at; i < at + count; i++) if (fragment[i] !== 0) return false;
  return true;
}

/** The name of the atom at `at`, in any of its four encodings. */
export function readAtom(fragment: Fragment, at = 0): string | undefined {
  const tag = fragment[at];
  if (tag !== ATOM_EXT && tag !== SMALL_ATOM_EXT && tag !== ATOM_UTF8_EXT && tag !== SMALL_ATOM_UTF8_EXT) {
    return undefined;
  }
  return atomName(fragment, at);
}

/** Whether the term is an integer, in any of its encodings. */
export function isInteger(fragment: Fragment): boolean {
  return isIntegerTag(fragment[0]);
}

/** Whether a term that begins with this byte is an integer. */
export function isIntegerTag(tag: number | undefined): boolean {
  return tag === SMALL_INTEGER_EXT || tag === INTEGER_EXT || tag === SMALL_BIG_EXT || tag === LARGE_BIG_EXT;
}

/** Reads an integer in any of its encodings; `[]` is how JavaScript clients write 0. Past 2^53 it is a bigint. */
export function readInteger(fragment: Fragment): number | bigint | undefined {
  if (isUnset(fragment)) return 0;
  const term = decodeChecked(fragment);
  return typeof term === 'number' || typeof term === 'bigint' ? term : undefined;
}

/** Reads a text: a UTF-8 binary, or a list of characters; `''` for `[]`, which is an empty list of characters. */
export function readText(fragment: Fragment): string | undefined {
  return textOf(fragment[0] === BINARY_EXT ? fragment.subarray(5) : decodeChecked(fragment));
}

/** Returns the term with its atoms as ATOM_EXT, which every client in the field decodes; `undefined` becomes `[]`. */
export function canonical(fragment: Fragment): Fragment {
  if (isCanonical(fragment, 0)) return fragment;
  return isUnset(fragment) ? unset : encodeFragment(decodeChecked(fragment));
}

/** Whether the term at `at` is canonical without a decode; false for lists, tuples and maps, which it does not open. */
export function isCanonical(fragment: Fragment, at: number): boolean {
  const tag = fragment[at] ?? 0;
  if (tag === ATOM_EXT) return readAtom(fragment, at) !== 'undefined';
  return tag === NIL_EXT || holdsNoAtom(tag);
}

const NIL_EXT = 106;
const ATOM_EXT = 100;
const SMALL_ATOM_EXT = 115;
const ATOM_UTF8_EXT = 118;
const SMALL_ATOM_UTF8_EXT = 119;

/** Most fields are numbers and binaries. Decoding and encoding each of them again would cost more than all else. */
function holdsNoAtom(tag: number): boolean {
  return (
    tag === SMALL_INTEGER_EXT ||
    tag === INTEGER_EXT ||
    (tag >= STRING_EXT && tag <= LARGE_BIG_EXT && tag !== LIST_EXT)
  );
}

const SMALL_INTEGER_EXT = 97;
const INTEGER_EXT = 98;
const STRING_EXT = 107;
const LIST_EXT = 108;
const BINARY_EXT = 109;
const SMALL_BIG_EXT = 110;
const LARGE_BIG_EXT = 111;

/**
 * Decodes a fragment without limits: it was checked with its payload, whose limits may be wider than those of
 * `decodeFragment`.
 */
function decodeChecked(fragment: Fragment): Term {
  return decodeFragment(fragment, checkedBefore);
}

const checkedBefore: Limits = {
  payloadBytes: Number.POSITIVE_INFINITY,
  nesting: Number.POSITIVE_INFINITY,
  elements: Number.POSITIVE_INFINITY,
  inflatedBytes: Number.POSITIVE_INFINITY,
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(term: Term): string | undefined {
  try {
    if (term instanceof Uint8Array) return utf8.decode(term);
    if (Array.isArray(term) && term.every(isCharacter)) return String.fromCodePoint(...term);
  } catch {
    // A binary that is not UTF-8 is not text.
  }
  return undefined;
}

function isCharacter(term: Term): term is number {
  return typeof term === 'number' && term >= 0 && term <= 0x10ffff;
}
