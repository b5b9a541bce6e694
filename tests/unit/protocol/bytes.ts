/** Terms in encodings that `encode` does not choose. */
import { encodeFragment, Foreign, type Fragment, type Term } from '../../../src/etf/index.ts';
import { text, type Value } from '../../harness/terms.ts';

/** A term's bytes without the leading 131; a string stands for a binary. */
export function fragment(value: Value): Fragment {
  return encodeFragment(typeof value === 'string' ? text(value) : value);
}

/** A term of exactly these bytes, tag first. */
export function raw(...bytes: number[]): Foreign {
  return new Foreign(Uint8Array.from(bytes));
}

/** An atom in each of its four encodings, by the name of the tag. */
export function atomEncodings(name: string): [string, Foreign][] {
  const bytes = new TextEncoder().encode(name);
  const { length } = bytes;
  return [
    ['ATOM_EXT', raw(100, 0, length, ...bytes)],
    ['SMALL_ATOM_EXT', raw(115, length, ...bytes)],
    ['ATOM_UTF8_EXT', raw(118, 0, length, ...bytes)],
    ['SMALL_ATOM_UTF8_EXT', raw(119, length, ...bytes)],
  ];
}

/** Terms without a meaning in the protocol, by name. */
export const foreignTerms: Readonly<Record<string, Term>> = {
  'a map': raw(116, 0, 0, 0, 1, 119, 1, 97, 98, 0, 0, 0, 1),
  'a float': raw(70, 64, 9, 33, 251, 84, 68, 45, 24),
  'an old float': raw(99, ...Buffer.from('1.50000000000000000000e+00'.padEnd(31, '\0'))),
  'a bit string': raw(77, 0, 0, 0, 1, 3, 160),
  'a pid': raw(88, 119, 1, 97, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3),
  'a reference': raw(90, 0, 1, 119, 1, 97, 0, 0, 0, 0, 0, 0, 0, 1),
  'an exported fun': raw(113, 119, 1, 97, 119, 1, 98, 97, 2),
  'a tuple of them': raw(104, 2, 70, 64, 9, 33, 251, 84, 68, 45, 24, 77, 0, 0, 0, 1, 3, 160),
  'an atom in another encoding': raw(119, 2, 111, 107),
  'a small integer in 4 bytes': raw(98, 0, 0, 0, 1),
  'a list with an empty string as its tail': raw(108, 0, 0, 0, 1, 97, 1, 107, 0, 0),
};
