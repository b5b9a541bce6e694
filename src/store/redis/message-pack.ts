import type { ScriptArgument } from './scripts.ts';

/**
 * MessagePack, as far as scripts take it: lists of words, and lists of lists. Many words go to Redis as one argument so,
 * because ioredis spends more time on an argument than on its bytes.
 *
 * No library writes this: Redis's `cmsgpack` refuses `bin` and `str 8`, which libraries use for a Buffer and for text of
 * 32 to 255 bytes (`redis-cli eval "cmsgpack.unpack(ARGV[1])" 0 <bytes>` answers "Bad data format", Redis 7.0.15).
 * @see MessagePack specification, "Array format family" (array 32), "String format family" (str 32)
 */

const ARRAY_32 = 0xdd;
const STR_32 = 0xdb;
const MAX_NUMBER = 24;

/** How many bytes a list takes beside what is in it. */
export const headBytes = 5;

/** Packs one list of words. */
export function packWords(words: readonly ScriptArgument[]): Buffer {
  const buffer = Buffer.allocUnsafe(words.reduce<number>((sum, word) => sum + roomOfWord(word), headBytes));
  let end = writeListHead(buffer, 0, words.length);
  for (const word of words) end = writeWord(buffer, end, word);
  return buffer.subarray(0, end);
}

/** @returns where the first element goes. */
export function writeListHead(buffer: Buffer, at: number, length: number): number {
  return writeHead(buffer, at, ARRAY_32, length);
}

/** @returns where the next element goes. */
export function writeWord(buffer: Buffer, at: number, word: ScriptArgument): number {
  const start = at + headBytes;
  if (word instanceof Uint8Array) buffer.set(word, start);
  const length = word instanceof Uint8Array ? word.length : buffer.write(String(word), start);
  writeHead(buffer, at, STR_32, length);
  return start + length;
}

/** The most bytes that a word takes. */
export function roomOfWord(word: ScriptArgument): number {
  if (typeof word === 'number') return headBytes + MAX_NUMBER;
  return headBytes + (typeof word === 'string' ? Buffer.byteLength(word) : word.length);
}

function writeHead(buffer: Buffer, at: number, type: number, length: number): number {
  buffer[at] = type;
  return buffer.writeUInt32BE(length, at + 1);
}
