/** Integers of the four tags 97, 98, 110 and 111: bytes to `number` within ±(2^53 - 1), else to `bigint`. */

const word = new DataView(new ArrayBuffer(8));

/** Reads `length` little-endian bytes; high zero bytes are allowed, as in SMALL_BIG_EXT. */
export function readMagnitude(
  bytes: Uint8Array,
  at: number,
  length: number,
  negative: boolean,
): number | bigint {
  let size = length;
  while (size > 0 && bytes[at + size - 1] === 0) size--;
  if (size < 7 || (size === 7 && bytes[at + 6]! < 0x20)) {
    let value = 0;
    for (let i = at + size - 1; i >= at; i--) value = value * 256 + bytes[i]!;
    return negative ? 0 - value : value;
  }
  const value = size <= 64 ? fromWords(bytes, at, size) : fromHex(bytes, at, size);
  return negative ? -value : value;
}

function fromWords(bytes: Uint8Array, at: number, size: number): bigint {
  let value = 0n;
  for (let start = (size - 1) & ~7; start >= 0; start -= 8) {
    for (let i = 0; i < 8; i++) word.setUint8(i, start + i < size ? bytes[at + start + i]! : 0);
    const part = word.getBigUint64(0, true);
    value = value === 0n ? part : (value << 64n) | part;
  }
  return value;
}

/** Parses a hexadecimal literal, which takes linear time; shifting word by word is quadratic. */
function fromHex(bytes: Uint8Array, at: number, size: number): bigint {
  const bigEndian = Buffer.from(bytes.subarray(at, at + size)).reverse();
  return BigInt(`0x${bigEndian.toString('hex')}`);
}

/** Reads an integer of 4 bytes, big-endian, signed. */
export function int32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** Reads an integer of 4 bytes, big-endian, unsigned. */
export function uint32(bytes: Uint8Array, at: number): number {
  return int32(bytes, at) >>> 0;
}

export function uint16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

/** Reads the integer whose tag stands at `at`; the bytes must be validated. */
export function readInteger(bytes: Uint8Array, at: number): number | bigint {
  switch (bytes[at]) {
    case 97:
      return bytes[at + 1]!;
    case 98:
      return int32(bytes, at + 1);
    case 110:
      return readMagnitude(bytes, at + 3, bytes[at + 1]!, bytes[at + 2] !== 0);
    default:
      return readMagnitude(bytes, at + 6, uint32(bytes, at + 1), bytes[at + 5] !== 0);
  }
}
