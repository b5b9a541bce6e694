import { parse } from 'lossless-json';
import { placeOf, UnreadableText } from './format.ts';

/** A JSON number with a fraction or an exponent is a float, even if its value is whole. */
export class JsonFloat {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A JSON value. Integers are exact: a `bigint` above 2^53. */
export type JsonValue =
  | null
  | boolean
  | string
  | number
  | bigint
  | JsonFloat
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** Read JSON. @throws UnreadableText with line, column and the error. */
export function parseJson(text: string): JsonValue {
  try {
    return parse(text, undefined, readNumber) as JsonValue;
  } catch (error) {
    if (error instanceof UnreadableText) throw error;
    throw new UnreadableText(describe(error, text));
  }
}

function describe(error: unknown, text: string): string {
  if (error instanceof SyntaxError) {
    const [, what = 'this is not JSON', offset = '0'] = /^(.*) at position (\d+)$/s.exec(error.message) ?? [];
    const odd = /[^\0-\x7f]/u.exec(text.slice(Number(offset)))?.[0] ?? '';
    const isThere = odd !== '' && text.startsWith(odd, Number(offset));
    const number = odd.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
    return `${placeOf(text, Number(offset))}: ${what}${isThere ? ` (the character is U+${number}; quotes in JSON are straight)` : ''}`;
  }
  if (error instanceof RangeError) return 'the JSON nests too deep';
  throw error;
}

/** A bound, because reading decimal digits takes more than linear time. */
const maxDigits = 5000;

function readNumber(digits: string): number | bigint | JsonFloat {
  if (digits.length > maxDigits) throw new UnreadableText(`a number has more than ${maxDigits} digits`);
  if (/[.eE]/.test(digits)) {
    const value = Number(digits);
    if (!Number.isFinite(value)) throw new UnreadableText('a float this large does not exist');
    return new JsonFloat(value);
  }
  const value = BigInt(digits);
  return isExact(value) ? Number(value) : value;
}

/** Whether terms hold this integer as a `number`. */
export function isExact(value: bigint): boolean {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
}
