import { defaultLimits } from './errors.ts';
import { bitString } from './foreign.ts';
import type { TokenReader } from './reader.ts';
import type { Foreign } from './terms.ts';

const MAX_BITS = 8 * defaultLimits.payloadBytes;

/**
 * Reads what stands between `<<` and `>>`: integers of 8 or `:size` bits, strings of one byte a character, or of
 * UTF-8 with `/utf8`. The caller has read the opening mark.
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

/** How many bits fit into a number together with those of a byte that is not full. */
const SHORT = 16;

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
    if (size <= SHORT) this.short(Number(BigInt.asUintN(size, value)), size);
    else this.long(value, size);
    this.length += size;
  }

  private short(value: number, size: number): void {
    let open = (this.length % 8) + size;
    const bits = (this.rest << size) | value;
    for (; open >= 8; open -= 8) this.bytes.push((bits >> (open - 8)) & 0xff);
    this.rest = bits & ((1 << open) - 1);
  }

  private long(value: bigint, size: number): void {
    // One string of digits, since shifting a long integer bit by bit is quadratic.
    const used = this.length % 8;
    const bits = (BigInt(this.rest) << BigInt(size)) | BigInt.asUintN(size, value);
    const left = (used + size) % 8;
    const whole = (used + size - left) / 4;
    const digits = whole === 0 ? '' : (bits >> BigInt(left)).toString(16).padStart(whole, '0');
    for (const byte of Buffer.from(digits, 'hex')) this.bytes.push(byte);
    this.rest = Number(BigInt.asUintN(left, bits));
  }

  finish(): Uint8Array | Foreign {
    const used = this.length % 8;
    if (used === 0) return Uint8Array.from(this.bytes);
    return bitString(Uint8Array.from(this.bytes.concat(this.rest << (8 - used))), used);
  }
}
