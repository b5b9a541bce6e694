import { defaultLimits } from './errors.ts';
import { bitString } from './foreign.ts';
import type { TokenReader } from './reader.ts';
import type { Foreign } from './terms.ts';

const MAX_BITS = 8 * defaultLimits.payloadBytes;

/**
 * Read what stands between `<<` and `>>`: integers of 8 or `:size` bits, strings of one byte a character, or of
 * UTF-8 with `/utf8`. The opening mark has been read.
 * @returns a binary, or a bit string if the bits do not fill the last byte.
 */
export function parseBits(reader: TokenReader): Uint8Array | Foreign {
  const bits = new BitWriter();
  reader.until('>>', () => parseSegment(reader, bits));
  return bits.finish();
}

function parseSegment(reader: TokenReader, bits: BitWriter): void {
  const { token } = reader;
  if (token.kind === 'string') {
    reader.advance();
    if (reader.accept('/')) {
      expectUtf8(reader);
      for (const byte of Buffer.from(token.text, 'utf8')) write(reader, bits, BigInt(byte), [8, token.at]);
      return;
    }
    const size = readSize(reader);
    for (const character of token.text)
      write(reader, bits, BigInt(character.codePointAt(0)!), [size, token.at]);
  } else {
    const sign = reader.accept('-') ? -1 : 1;
    const value = BigInt(reader.integer(sign));
    write(reader, bits, value, [readSize(reader), token.at]);
  }
  if (reader.token.kind === 'mark' && reader.token.text === '/') {
    reader.fail('of the types of a segment only "text"/utf8 can be written here');
  }
}

function expectUtf8(reader: TokenReader): void {
  const { token } = reader;
  if (token.kind !== 'atom' || token.text !== 'utf8') {
    reader.fail('of the types of a segment only "text"/utf8 can be written here');
  }
  reader.advance();
}

function readSize(reader: TokenReader): number {
  if (!reader.accept(':')) return 8;
  const { at } = reader.token;
  const size = Number(reader.integer(1));
  if (size > MAX_BITS) reader.fail(`a binary has at most ${MAX_BITS} bits`, at);
  return size;
}

function write(reader: TokenReader, bits: BitWriter, value: bigint, [size, at]: [number, number]): void {
  if (bits.length + size > MAX_BITS) reader.fail(`a binary has at most ${MAX_BITS} bits`, at);
  const fits =
    value >= 0n ? value >> BigInt(size) === 0n : (-1n - value) >> BigInt(Math.max(0, size - 1)) === 0n;
  if (!fits) reader.fail(`this does not fit in ${size} bits; text beyond Latin-1 is written with /utf8`, at);
  bits.write(value, size);
}

/** Collects bits into bytes, high bits first. */
class BitWriter {
  length = 0;
  private readonly bytes: number[] = [];
  /** The bits of the byte that is not full yet. */
  private rest = 0;

  write(value: bigint, size: number): void {
    if (size === 8 && this.length % 8 === 0) {
      this.bytes.push(Number(value & 0xffn));
      this.length += 8;
      return;
    }
    // One string of digits, since shifting a long integer bit by bit is quadratic.
    const digits = size === 0 ? '' : BigInt.asUintN(size, value).toString(2).padStart(size, '0');
    for (const digit of digits) this.bit(digit === '1' ? 1 : 0);
  }

  private bit(bit: 0 | 1): void {
    this.rest = (this.rest << 1) | bit;
    this.length += 1;
    if (this.length % 8 > 0) return;
    this.bytes.push(this.rest);
    this.rest = 0;
  }

  finish(): Uint8Array | Foreign {
    const used = this.length % 8;
    if (used === 0) return Uint8Array.from(this.bytes);
    return bitString(Uint8Array.from(this.bytes.concat(this.rest << (8 - used))), used);
  }
}
