import { isUtf8 } from 'node:buffer';
import { floatToText } from './floats.ts';
import { type ForeignValue, readForeign } from './foreign.ts';
import { isPrintable, PLAIN_ATOM, quoted, reservedWords } from './syntax.ts';
import { Atom, Foreign, ImproperList, type Term, Tuple } from './terms.ts';

const LINE_WIDTH = 80;
const HEX_FROM = 1n << 4096n; // Decimal digits of longer numbers take too long.

/**
 * Writes a term in Erlang's syntax, as `io_lib:format("~0tp", [Term])` does: strings and text binaries as text, a map
 * in its given order. Integers of more than 4096 bits are in base 16.
 * @param options.indent - breaks lines wider than 80 columns.
 * @throws RangeError for a value that is not a term.
 */
export function print(term: Term, options: { readonly indent?: boolean } = {}): string {
  return write(term, options.indent === true ? 0 : undefined);
}

/** `indent` is the column where the term's line begins; `undefined` keeps everything on one line. */
function write(term: Term, indent: number | undefined): string {
  if (typeof term === 'number') return String(term);
  if (typeof term === 'bigint') return writeBigint(term);
  if (term instanceof Atom) return writeAtom(term.name);
  if (term instanceof Uint8Array) return writeBinary(term);
  if (term instanceof Tuple) return enclose('{', writeAll(term.elements, indent), '}', indent);
  if (term instanceof Foreign) return writeForeign(readForeign(term), indent);
  if (term instanceof ImproperList) {
    const parts = writeAll(term.elements, indent);
    const tail = `|${write(term.tail, deeper(indent))}`;
    return enclose('[', [...parts.slice(0, -1), parts.at(-1) + tail], ']', indent);
  }
  if (!Array.isArray(term)) throw new RangeError('not a term');
  return writeText(term) ?? enclose('[', writeAll(term, indent), ']', indent);
}

function writeAll(terms: readonly Term[], indent: number | undefined): string[] {
  return terms.map((term) => write(term, deeper(indent)));
}

function deeper(indent: number | undefined): number | undefined {
  return indent === undefined ? undefined : indent + 2;
}

/** Joins the parts on one line if all are on one line and it fits, else writes a line for each part. */
function enclose(open: string, parts: readonly string[], close: string, indent: number | undefined): string {
  const oneLine = `${open}${parts.join(',')}${close}`;
  if (indent === undefined) return oneLine;
  if (parts.length === 0 || (indent + oneLine.length <= LINE_WIDTH && !oneLine.includes('\n')))
    return oneLine;
  const margin = `\n${' '.repeat(indent)}`;
  return `${open}${margin}  ${parts.join(`,${margin}  `)}${margin}${close}`;
}

function writeBigint(value: bigint): string {
  if (value < HEX_FROM && value > -HEX_FROM) return String(value);
  const digits = (value < 0n ? -value : value).toString(16).toUpperCase();
  return `${value < 0n ? '-' : ''}16#${digits}`;
}

function writeAtom(name: string): string {
  return PLAIN_ATOM.test(name) && !reservedWords.has(name) ? name : quoted(name, "'");
}

/** A list of printable characters as a string; `undefined` for any other list. */
function writeText(list: readonly Term[]): string | undefined {
  if (list.length === 0) return undefined;
  let text = '';
  for (const element of list) {
    if (typeof element !== 'number' || !isPrintable(element)) return undefined;
    text += String.fromCodePoint(element);
  }
  return quoted(text, '"');
}

function writeBinary(bytes: Uint8Array): string {
  if (bytes.length === 0) return '<<>>';
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (isUtf8(buffer)) {
    const text = buffer.toString('utf8');
    if (isText(text)) return `<<${quoted(text, '"')}${text.length === bytes.length ? '' : '/utf8'}>>`;
  }
  // Latin-1 text reads back as the same bytes: without /utf8 a character is one byte.
  const text = buffer.toString('latin1');
  return isText(text) ? `<<${quoted(text, '"')}>>` : `<<${bytes.join(',')}>>`;
}

function isText(text: string): boolean {
  for (const character of text) if (!isPrintable(character.codePointAt(0)!)) return false;
  return true;
}

function writeForeign(value: ForeignValue, indent: number | undefined): string {
  switch (value.kind) {
    case 'float':
      return floatToText(value.value);
    case 'bits':
      return writeBits(value.bytes, value.bitsInLast);
    case 'map': {
      const pairs = value.pairs.map(
        ([key, item]) => `${write(key, deeper(indent))} => ${write(item, deeper(indent))}`,
      );
      return enclose('#{', pairs, '}', indent);
    }
    case 'pid':
      return `<0.${value.numbers.join('.')}>`;
    case 'port':
      return `#Port<0.${value.numbers.join('.')}>`;
    case 'reference':
      return `#Ref<0.${[...value.numbers].reverse().join('.')}>`;
    case 'export':
      return `fun ${writeAtom(value.module)}:${writeAtom(value.name)}/${value.arity}`;
    case 'fun':
      return `#Fun<${writeAtom(value.module)}.${value.index}.${value.uniq}>`;
  }
}

function writeBits(bytes: Uint8Array, bitsInLast: number): string {
  if (bitsInLast === 0 || bitsInLast === 8) return writeBinary(bytes);
  const last = bytes[bytes.length - 1]! >> (8 - bitsInLast);
  return `<<${[...bytes.subarray(0, -1), `${last}:${bitsInLast}`].join(',')}>>`;
}
