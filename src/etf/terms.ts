import { Atom } from './atoms.ts';

export { Atom, atom } from './atoms.ts';

/**
 * An Erlang term in TypeScript.
 *
 * - an integer is a `number` within ±(2^53 - 1), else a `bigint`
 * - a binary is a `Uint8Array`, a view on the message it came in
 * - a list is an array, also a character list in STRING_EXT
 * - a term that the protocol does not use (maps, floats, bit strings, pids, …) is a `Foreign`
 */
export type Term = Atom | Tuple | ImproperList | Foreign | number | bigint | Uint8Array | Term[];

/** `{a,b,c}` */
export class Tuple {
  readonly elements: readonly Term[];

  constructor(elements: readonly Term[]) {
    this.elements = elements;
  }
}

/** `[a,b|tail]`, where the tail is not a list. */
export class ImproperList {
  readonly elements: readonly Term[];
  readonly tail: Term;

  constructor(elements: readonly Term[], tail: Term) {
    this.elements = elements;
    this.tail = tail;
  }
}

/** A term that is carried byte for byte: its tag and its body, already validated. */
export class Foreign {
  readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

export function tuple(...elements: Term[]): Tuple {
  return new Tuple(elements);
}

/** Whether the term is an atom, and has this name if one is given. */
export function isAtom(term: Term | undefined, name?: string): term is Atom {
  return term instanceof Atom && (name === undefined || term.name === name);
}

/**
 * Whether both terms are the same.
 *
 * Integers compare by value, binaries and foreign terms byte for byte. Two maps in another order, or two floats of
 * another encoding, count as different.
 */
export function equal(a: Term, b: Term): boolean {
  if (a === b) return true;
  if (typeof a === 'bigint' || typeof b === 'bigint') return sameInteger(a, b);
  if (a instanceof Atom) return b instanceof Atom && a.name === b.name;
  if (a instanceof Tuple) return b instanceof Tuple && sameElements(a.elements, b.elements);
  if (a instanceof Uint8Array) return b instanceof Uint8Array && sameBytes(a, b);
  if (a instanceof Foreign) return b instanceof Foreign && sameBytes(a.bytes, b.bytes);
  if (a instanceof ImproperList) {
    return b instanceof ImproperList && sameElements(a.elements, b.elements) && equal(a.tail, b.tail);
  }
  return Array.isArray(a) && Array.isArray(b) && sameElements(a, b);
}

function sameInteger(a: Term, b: Term): boolean {
  const integers =
    (typeof a === 'bigint' || Number.isInteger(a)) && (typeof b === 'bigint' || Number.isInteger(b));
  return integers && BigInt(a as number | bigint) === BigInt(b as number | bigint);
}

function sameElements(a: readonly Term[], b: readonly Term[]): boolean {
  return a.length === b.length && a.every((element, index) => equal(element, b[index]!));
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
