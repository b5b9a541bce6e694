import { Atom, print, type Term, Tuple } from '../../etf/index.ts';
import { isRecordName } from './record-fields.ts';

/**
 * Write a term in Erlang's syntax, with each element of a record or list on its own line. A line-by-line diff of two
 * messages then shows only the changes. Tuples without a record, such as `{ok,email_sent}`, stay on one line.
 */
export function printLines(term: Term): string {
  return write(term, 0);
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
function isText(list: readonly Term[]): boolean {
  return list.every((element) => typeof element === 'number') && print([...list]).startsWith('"');
}
