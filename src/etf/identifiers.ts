import { knownAtom } from './atoms.ts';
import { uint16, uint32 } from './integers.ts';
import { decodeLatin1, decodeUtf8 } from './names.ts';

/** Pids, ports and references, in their old and new encodings. All functions here need validated bytes. */
export interface Identifier {
  readonly kind: 'pid' | 'port' | 'reference';
  readonly node: string;
  /** The numbers in the order of the wire: a pid's number and serial, a port's number, a reference's words. */
  readonly numbers: readonly (number | bigint)[];
  readonly creation: number;
}

/** How many bytes follow the node's name in an identifier of fixed size. */
export function identifierSize(tag: number): number {
  switch (tag) {
    case 88: // NEW_PID_EXT
    case 120: // V4_PORT_EXT
      return 12;
    case 103: // PID_EXT
      return 9;
    case 89: // NEW_PORT_EXT
      return 8;
    default: // PORT_EXT, REFERENCE_EXT
      return 5;
  }
}

/** The length of an atom of any encoding in bytes, head included. */
export function atomSize(bytes: Uint8Array, at: number): number {
  const tag = bytes[at];
  return tag === 115 || tag === 119 ? 2 + bytes[at + 1]! : 3 + uint16(bytes, at + 1);
}

/** The name of an atom of any encoding. */
export function atomName(bytes: Uint8Array, at: number): string {
  const tag = bytes[at];
  const head = tag === 115 || tag === 119 ? 2 : 3;
  const end = at + atomSize(bytes, at);
  const known = knownAtom(bytes, at + head, end - at - head);
  if (known !== undefined) return known.name;
  return tag === 118 || tag === 119 ? decodeUtf8(bytes, at + head, end) : decodeLatin1(bytes, at + head, end);
}

const kinds: Readonly<Record<number, Identifier['kind']>> = {
  88: 'pid',
  103: 'pid',
  89: 'port',
  102: 'port',
  120: 'port',
  90: 'reference',
  101: 'reference',
  114: 'reference',
};

/** Reads the identifier whose tag stands at `at`; `undefined` for another term. */
export function readIdentifier(bytes: Uint8Array, at: number): Identifier | undefined {
  const tag = bytes[at]!;
  const kind = kinds[tag];
  if (kind === undefined) return undefined;
  const manyWords = tag === 90 || tag === 114;
  const nodeAt = at + (manyWords ? 3 : 1);
  const node = atomName(bytes, nodeAt);
  const body = nodeAt + atomSize(bytes, nodeAt);
  const creationSize = tag === 88 || tag === 89 || tag === 90 || tag === 120 ? 4 : 1;
  const creationAt = manyWords ? body : body + identifierSize(tag) - creationSize;
  const creation = creationSize === 4 ? uint32(bytes, creationAt) : bytes[creationAt]!;
  if (tag === 120) {
    const number = (BigInt(uint32(bytes, body)) << 32n) | BigInt(uint32(bytes, body + 4));
    return { kind, node, numbers: [number], creation };
  }
  const wordsAt = manyWords ? body + creationSize : body;
  const count = manyWords ? uint16(bytes, at + 1) : kind === 'pid' ? 2 : 1;
  const numbers = Array.from({ length: count }, (_, index) => uint32(bytes, wordsAt + 4 * index));
  return { kind, node, numbers, creation };
}
