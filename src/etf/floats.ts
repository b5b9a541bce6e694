/** Floats of the tags 70 (IEEE 754, big-endian) and 99 (31 characters of text, NUL-padded). */

const FLOAT_TEXT = /^[+-]?\d+\.\d+(?:[eE][+-]?\d+)?$/;
const FLOAT_TEXT_SIZE = 31;

/** Whether these 8 bytes are a finite number. Erlang has no infinities and no NaN. */
export function isFinite64(bytes: Uint8Array, at: number): boolean {
  return (bytes[at]! & 0x7f) !== 0x7f || (bytes[at + 1]! & 0xf0) !== 0xf0;
}

function floatText(bytes: Uint8Array, at: number): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + at, FLOAT_TEXT_SIZE).toString('latin1');
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

/** Whether these 31 bytes are a finite number in Erlang's notation. Bytes after the first NUL do not count. */
export function isFloatText(bytes: Uint8Array, at: number): boolean {
  const text = floatText(bytes, at);
  return FLOAT_TEXT.test(text) && Number.isFinite(Number(text));
}

/** The value of the float whose tag stands at `at`; the bytes must be validated. */
export function readFloat(bytes: Uint8Array, at: number): number {
  if (bytes[at] === 99) return Number(floatText(bytes, at + 1));
  return new DataView(bytes.buffer, bytes.byteOffset).getFloat64(at + 1);
}

/**
 * A float as Erlang writes it: the fewest digits that read back as the same value, in the shorter notation. From 2^53
 * on it always has an exponent (`float_to_list(F, [short])`).
 */
export function floatToText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const [mantissa = '', exponentText = ''] = Math.abs(value).toExponential().split('e');
  const sign = value < 0 ? '-' : '';
  const digits = mantissa.replace('.', '');
  const exponent = Number(exponentText);
  const scientific = `${digits[0]}.${digits.slice(1) || '0'}e${exponent}`;
  if (Math.abs(value) >= 2 ** 53) return sign + scientific;
  const decimal = inDecimal(digits, exponent);
  return sign + (decimal.length <= scientific.length ? decimal : scientific);
}

function inDecimal(digits: string, exponent: number): string {
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${whole}.${digits.slice(exponent + 1) || '0'}`;
}
