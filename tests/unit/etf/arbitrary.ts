import fc from 'fast-check';
import { atom, bitString, float, ImproperList, map, type Term, Tuple } from '../../../src/etf/index.ts';

/** Random terms, and changes that make valid bytes wrong. */

const edges = [
  0,
  1,
  255,
  256,
  -1,
  2 ** 31 - 1,
  2 ** 31,
  -(2 ** 31),
  -(2 ** 31) - 1,
  2 ** 32,
  1_700_000_000_000,
];
const bigEdges = [
  2n ** 53n,
  -(2n ** 53n),
  2n ** 63n,
  2n ** 64n - 1n,
  2n ** 64n,
  -(2n ** 2040n),
  2n ** 2040n - 1n,
];

const integer: fc.Arbitrary<Term> = fc.oneof(
  fc.constantFrom(...edges),
  fc.maxSafeInteger(),
  fc.integer({ min: -300, max: 300 }),
);

/** Integers beyond ±(2^53 - 1), for which a term has a bigint. */
const large: fc.Arbitrary<Term> = fc.oneof(
  fc.constantFrom(...bigEdges),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }),
  fc.bigInt({ min: -(2n ** 2100n), max: -(2n ** 53n) }),
);

const atoms: fc.Arbitrary<Term> = fc
  .oneof(
    fc.constantFrom(
      'Profile',
      'get',
      'undefined',
      '',
      'Abc',
      'with space',
      "it's",
      'end',
      'é',
      'ß',
      'ім’я',
      '😀',
    ),
    fc.string({ maxLength: 12, unit: 'binary' }),
    fc.string({ minLength: 60, maxLength: 255, unit: 'binary' }),
  )
  .map(atom);

const binaries: fc.Arbitrary<Term> = fc.oneof(
  fc.uint8Array({ maxLength: 100 }),
  fc.string({ maxLength: 20, unit: 'binary' }).map((text) => new Uint8Array(Buffer.from(text))),
);

const bits: fc.Arbitrary<Term> = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 5 }), fc.integer({ min: 1, max: 7 }))
  .map(([bytes, used]) => {
    bytes[bytes.length - 1]! &= 0xff << (8 - used);
    return bitString(bytes, used);
  });

const floats: fc.Arbitrary<Term> = fc.double({ noNaN: true, noDefaultInfinity: true }).map(float);

const isList = (term: Term) => Array.isArray(term) || term instanceof ImproperList;

const { term } = fc.letrec<{ term: Term; inner: Term }>((tie) => ({
  term: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    integer,
    atoms,
    binaries,
    large,
    floats,
    bits,
    fc.uint8Array({ maxLength: 12 }).map((bytes) => [...bytes]),
    fc.array(tie('inner'), { maxLength: 9 }).map((elements) => new Tuple(elements)),
    fc.array(tie('inner'), { maxLength: 6 }),
    fc
      .tuple(fc.array(tie('inner'), { minLength: 1, maxLength: 3 }), tie('inner'))
      .filter(([, tail]) => !isList(tail))
      .map(([elements, tail]) => new ImproperList(elements, tail)),
    fc
      .uniqueArray(fc.tuple(fc.oneof(integer, atoms, binaries), tie('inner')), {
        maxLength: 4,
        selector: ([key]) => JSON.stringify(key),
      })
      .map(map),
  ),
  inner: tie('term'),
}));

export const terms: fc.Arbitrary<Term> = term;

/** Changes at one or two places: bytes replaced, removed or inserted, or the end cut off. */
export const mutations = fc
  .array(
    fc.record({
      kind: fc.constantFrom('byte', 'byte', 'byte', 'byte', 'byte', 'replace', 'remove', 'insert', 'cut'),
      place: fc.nat(),
      bytes: fc.uint8Array({ minLength: 1, maxLength: 5 }),
    }),
    { minLength: 1, maxLength: 2 },
  )
  .map((changes) => (message: Uint8Array) => changes.reduce(mutate, message));

interface Change {
  readonly kind: string;
  readonly place: number;
  readonly bytes: Uint8Array;
}

function mutate(message: Uint8Array, { kind, place, bytes }: Change): Uint8Array {
  const at = place % Math.max(1, message.length);
  const before = message.subarray(0, at);
  if (kind === 'cut') return before;
  if (kind === 'insert') return Buffer.concat([before, bytes, message.subarray(at)]);
  if (kind === 'byte') return Buffer.concat([before, bytes.subarray(0, 1), message.subarray(at + 1)]);
  const after = message.subarray(at + bytes.length);
  return Buffer.concat(kind === 'remove' ? [before, after] : [before, bytes, after]);
}
