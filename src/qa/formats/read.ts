import {
  EtfError,
  EtfTextError,
  encode,
  type Limits,
  openMessage,
  parse,
  type Term,
} from '../../etf/index.ts';
import { type Format, placeOf, type ReadResult, UnreadableText } from './format.ts';
import { readJson } from './json-read.ts';
import { records } from './record-fields.ts';

/** The first byte of every ETF message. */
const ETF_VERSION = 131;

/**
 * Read a payload in any format. ETF begins with byte 131, and is not decoded. Other payloads are text: Erlang's syntax, a
 * JSON object, or ETF in hexadecimal digits or base64. Byte order mark, white space and a final dot are ignored.
 * @param maxTextBytes - longer text is refused; a `'Profile'` of a few hundred contacts needs 30,000.
 * @returns the ETF message, or a sentence with the place and the reason; never throws on a client's input.
 */
export function readFormat(
  payload: Uint8Array,
  limits: Limits,
  maxTextBytes = limits.payloadBytes,
): ReadResult {
  if (payload[0] === ETF_VERSION) return { format: 'etf', message: payload };
  const text = textOf(payload, maxTextBytes);
  if (typeof text !== 'string') return { format: 'erlang', reason: text.because };
  const format = formatOf(text);
  try {
    const message = readers[format](text);
    openMessage(message, limits);
    return { format, message };
  } catch (error) {
    return { format, reason: reasonOf(error, text) };
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true }); // drops the byte order mark

function textOf(payload: Uint8Array, maxBytes: number): string | { because: string } {
  if (payload.length > maxBytes) {
    return { because: `text may have ${maxBytes} bytes, this has ${payload.length}: publish it as ETF` };
  }
  if (destroyed.some((bytes) => bytes.every((byte, index) => payload[index] === byte))) {
    return { because: destroyedByEditor };
  }
  try {
    return utf8.decode(payload);
  } catch {
    return { because: 'this is neither ETF, whose first byte is 131, nor text in UTF-8' };
  }
}

/** The byte 131 after an editor has read it as Latin-1, or as invalid UTF-8. */
const destroyed = [
  [0xc2, 0x83],
  [0xef, 0xbf, 0xbd],
];
const destroyedByEditor =
  'line 1, column 1: this was ETF until a text editor changed its bytes, which cannot be undone; ' +
  'publish it as hexadecimal digits, as base64, or as Erlang text';

type TextFormat = Exclude<Format, 'etf'>;

/**
 * An object, or a list of them. What was meant as one is too, so that the reason speaks of JSON: with a bare, single-quoted or
 * curly-quoted key before a colon.
 */
const jsonStarts = /^(\{\s*["}\u201c-\u201f]|\[\s*\{\s*"[^"]*"\s*:|\{\s*('[^']*'|[\w$]+)\s*:)/;

function formatOf(text: string): TextFormat {
  const start = text.trimStart();
  if (jsonStarts.test(start)) return 'json';
  const bare = withoutEnd(start);
  if (/^(0x)?83[0-9a-f\s:]*$/i.test(bare)) return 'hex';
  // 131 and the tag of a tuple, a list or anything else, in the alphabet of base64 or of its variant for URLs.
  if (/^g[w-z0-9+/_-][\w+/=\s-]{2,}$/.test(bare)) return 'base64';
  return 'erlang';
}

function withoutEnd(text: string): string {
  return text.trimEnd().replace(/\.$/, '').trimEnd();
}

const readers: Record<TextFormat, (text: string) => Uint8Array> = {
  erlang: (text) => messageOf(parse(text, { records })),
  json: (text) => messageOf(readJson(withoutEnd(text))),
  hex: (text) => readHex(text),
  base64: (text) => Buffer.from(withoutEnd(text).replaceAll(/\s/g, ''), 'base64'),
};

/** The message of a term. A binary that holds a message, as Erlang's shell prints it, becomes that message. */
function messageOf(term: Term): Uint8Array {
  return term instanceof Uint8Array && term[0] === ETF_VERSION ? term : encode(term);
}

function readHex(text: string): Buffer {
  const digits = withoutEnd(text).trimStart().replace(/^0x/i, '').replaceAll(/[\s:]/g, '');
  if (digits.length % 2 > 0) {
    const end = text.search(/[0-9a-f][^0-9a-f]*$/i);
    throw new UnreadableText(`${placeOf(text, end)}: half a byte is missing behind this digit`);
  }
  return Buffer.from(digits, 'hex');
}

function reasonOf(error: unknown, text: string): string {
  if (error instanceof EtfTextError) return error.message;
  if (error instanceof UnreadableText) return error.message;
  if (error instanceof EtfError) return `${etfReasons[error.reason]} (at byte ${error.offset} of the ETF)`;
  if (error instanceof RangeError) return `this is not a term that can be written as ETF`;
  throw error instanceof Error ? error : new Error(`not readable: ${text.length} characters`);
}

const etfReasons: Record<EtfError['reason'], string> = {
  bad_version: 'ETF begins with the byte 131',
  truncated: 'the term is cut off',
  trailing_bytes: 'the term ends before the bytes do',
  unknown_tag: 'no term begins with this byte',
  bad_atom: 'an atom is no text or longer than 255 characters',
  bad_bit_string: 'a bit string is wrongly written',
  bad_compression: 'the compressed term cannot be inflated',
  bad_float: 'a float is wrongly written',
  bad_fun: 'a fun is wrongly written',
  bad_list: 'a list is wrongly written',
  bad_reference: 'a reference is wrongly written',
  duplicate_key: 'a map has the same key twice',
  payload_too_large: 'the term has too many bytes',
  inflated_too_large: 'the compressed term inflates to too many bytes',
  too_deep: 'the term nests too deep',
  too_many_elements: 'the term has too many elements',
};
