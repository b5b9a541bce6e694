import { Atom, equal, print, type Term, Tuple } from '../../etf/index.ts';
import { isRecordName, recordNameOf, records } from './record-fields.ts';

/**
 * Write a term in Erlang's syntax, with each element of a record or list on its own line. A line-by-line diff of two
 * messages then shows only the changes. Tuples without a record, such as `{ok,email_sent}`, stay on one line.
 */
export function printLines(term: Term): string {
  return write(term, 0);
}

/** Columns up to which a record stays on one line. */
const lineWidth = 100;

/**
 * Write a term for people to read: records as `#'Name'{field = Value}`, without the fields at their default. What fits is on
 * one line, so that a contact takes one; `readFormat` reads the same term back.
 */
export function printRecords(term: Term): string {
  return writeNamed(term, 0);
}

/** The same on one line, cut at about so many characters. */
export function printBriefly(term: Term, length: number): string {
  const line = writeNamed(term, undefined);
  return line.length <= length ? line : `${Array.from(line.slice(0, length)).slice(0, -1).join('')}…`;
}

/** @param indent - the column of the term; `undefined` keeps it on one line. */
function writeNamed(term: Term, indent: number | undefined): string {
  const deeper = indent === undefined ? undefined : indent + 2;
  if (Array.isArray(term) && term.length > 0 && !isText(term)) {
    return fit(
      '[',
      term.map((each) => writeNamed(each, deeper)),
      ']',
      indent,
    );
  }
  if (!(term instanceof Tuple)) return print(term);
  const { elements } = term;
  const name = recordNameOf(term);
  const fields = name === undefined ? [] : records[name];
  if (name === undefined || elements.length !== fields.length + 1) {
    const parts = elements.map((each) => writeNamed(each, deeper));
    const line = `{${parts.join(',')}}`;
    return fits(line, indent) ? line : enclose('{', parts, '}', indent ?? 0);
  }
  const set = fields.flatMap((field, index) => {
    const value = elements[index + 1] ?? [];
    return equal(value, field.default) ? [] : [`${field.name} = ${writeNamed(value, deeper)}`];
  });
  return fit(`#'${name}'{`, set, '}', indent);
}

function fit(open: string, parts: readonly string[], close: string, indent: number | undefined): string {
  const line = `${open}${parts.join(', ')}${close}`;
  return fits(line, indent) ? line : enclose(open, parts, close, indent ?? 0);
}

function fits(line: string, indent: number | undefined): boolean {
  return indent === undefined || (!line.includes('\n') && indent + line.length <= lineWidth);
}

function write(term: Term, indent: number): string {
  if (Array.isArray(term)) {
    const isOnOneLine = term.length === 0 || isText(term);
    return isOnOneLine ? print(term) : enclose('[', writeAll(term, indent), ']', indent);
  }
  if (!(term instanceof Tuple)) return print(term);
  const parts = writeAll(term.elements, indent);
  const isBroken = isRecord(term) || parts.some((part) => part.includes('\n'));
  return isBroken ? enclose('{', parts, '}', indent) : `{${parts.join(',')}}`;
}

function writeAll(terms: readonly Term[], indent: number): string[] {
  return terms.map((term) => write(term, indent + 2));
}

function enclose(open: string, parts: readonly string[], close: string, indent: number): string {
  const margin = `\n${' '.repeat(indent)}`;
  return `${open}${margin}  ${parts.join(`,${margin}  `)}${margin}${close}`;
}

function isRecord({ elements: [tag, ...fields] }: Tuple): boolean {
  return tag instanceof Atom && fields.length > 0 && (isRecordName(tag.name) || tag.name === 'io');
}

/** Whether the list is printed as a string. */
export function isText(list: Term[]): list is number[] {
  return list.every((element) => typeof element === 'number') && print(list).startsWith('"');
}
