import { decodeValidated } from './decode.ts';
import { encodeFragment } from './encode.ts';
import { readFloat } from './floats.ts';
import { atomName, atomSize, type Identifier, readIdentifier } from './identifiers.ts';
import { readInteger, uint32 } from './integers.ts';
import { duplicateKey } from './keys.ts';
import { skipTerm } from './skip.ts';
import { Foreign, type Term } from './terms.ts';

/** The contents of a foreign term, for programs that show it. */
export type ForeignValue =
  | Identifier
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'map'; readonly pairs: readonly (readonly [Term, Term])[] }
  | { readonly kind: 'bits'; readonly bytes: Uint8Array; readonly bitsInLast: number }
  | {
      readonly kind: 'export';
      readonly module: string;
      readonly name: string;
      readonly arity: number | bigint;
    }
  | {
      readonly kind: 'fun';
      readonly module: string;
      readonly index: number | bigint;
      readonly uniq: number | bigint;
    };

/** Reads a foreign term that comes from `decode` or from the functions below. */
export function readForeign({ bytes }: Foreign): ForeignValue {
  switch (bytes[0]) {
    case 70: // NEW_FLOAT_EXT
    case 99: // FLOAT_EXT
      return { kind: 'float', value: readFloat(bytes, 0) };
    case 77: // BIT_BINARY_EXT
      return { kind: 'bits', bytes: bytes.subarray(6), bitsInLast: bytes[5]! };
    case 116: // MAP_EXT
      return { kind: 'map', pairs: readPairs(bytes) };
    case 113: {
      const name = 1 + atomSize(bytes, 1);
      const arity = readInteger(bytes, name + atomSize(bytes, name));
      return { kind: 'export', module: atomName(bytes, 1), name: atomName(bytes, name), arity };
    }
    case 112: // NEW_FUN_EXT
      return readFun(bytes, 30);
    case 117: // FUN_EXT
      return readFun(bytes, skipTerm(bytes, 5));
    default: {
      const identifier = readIdentifier(bytes, 0);
      if (identifier === undefined) throw new RangeError('not a foreign term');
      return identifier;
    }
  }
}

function readFun(bytes: Uint8Array, module: number): ForeignValue {
  const index = module + atomSize(bytes, module);
  const uniq = skipTerm(bytes, index);
  return {
    kind: 'fun',
    module: atomName(bytes, module),
    index: readInteger(bytes, index),
    uniq: readInteger(bytes, uniq),
  };
}

function readPairs(bytes: Uint8Array): [Term, Term][] {
  const pairs: [Term, Term][] = [];
  let at = 5;
  for (let left = uint32(bytes, 1); left > 0; left--) {
    const value = skipTerm(bytes, at);
    const end = skipTerm(bytes, value);
    pairs.push([decodeValidated(bytes.subarray(at, value)), decodeValidated(bytes.subarray(value, end))]);
    at = end;
  }
  return pairs;
}

/** Makes a float. @throws RangeError for NaN and the infinities, which Erlang does not have. */
export function float(value: number): Foreign {
  if (!Number.isFinite(value)) throw new RangeError('an Erlang float is finite');
  const bytes = Buffer.alloc(9);
  bytes[0] = 70;
  bytes.writeDoubleBE(value, 1);
  return new Foreign(bytes);
}

/** Makes a bit string; of its last byte only the `bitsInLast` (1 to 7) high bits count. */
export function bitString(bytes: Uint8Array, bitsInLast: number): Foreign {
  const head = Buffer.alloc(6);
  head[0] = 77;
  head.writeUInt32BE(bytes.length, 1);
  head[5] = bitsInLast;
  return new Foreign(Buffer.concat([head, bytes]));
}

/** Makes a map with its keys in the given order. `hasDuplicateKey` checks whether they differ. */
export function map(pairs: readonly (readonly [Term, Term])[]): Foreign {
  const head = Buffer.alloc(5);
  head[0] = 116;
  head.writeUInt32BE(pairs.length, 1);
  return new Foreign(Buffer.concat([head, ...pairs.flat().map(encodeFragment)]));
}

export function hasDuplicateKey(foreign: Foreign): boolean {
  return foreign.bytes[0] === 116 && duplicateKey(foreign.bytes, 0, foreign.bytes.length) !== undefined;
}
