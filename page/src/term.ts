import { Atom, decode, EtfError, print, type Term, Tuple } from '../../src/etf/index.ts';
import { type RecordName, records } from '../../src/qa/formats/record-fields.ts';

/** A payload in readable form. */
export interface ReadPayload {
  /** Absent when the bytes are not a term. */
  readonly term?: Term;
  /** Erlang text, or why there is none. */
  readonly text: string;
}

const compressed = 80;

export function readPayload(payload: Uint8Array): ReadPayload {
  if (payload[1] === compressed) return { text: '% a compressed term, shown as bytes only' };
  try {
    const term = decode(payload, limits);
    return { term, text: print(term) };
  } catch (error) {
    if (!(error instanceof EtfError)) throw error;
    return { text: `% no term: ${error.reason} at byte ${error.offset}` };
  }
}

/** Wider than a worker's limits: answers may have profiles with thousands of contacts. */
const limits = { payloadBytes: 8 << 20, nesting: 64, elements: 1 << 20, inflatedBytes: 8 << 20 };

/** The elements of a record after its tag; `undefined` for any other term. */
export function recordFields(term: Term | undefined, name: string): readonly Term[] | undefined {
  if (!(term instanceof Tuple)) return undefined;
  const [tag, ...fields] = term.elements;
  return tag instanceof Atom && tag.name === name ? fields : undefined;
}

/** The reason of `{io,{error,Reason},…}`; `undefined` for any other term. */
export function refusalOf(term: Term | undefined): string | undefined {
  const [word, reason] = ioWords(term);
  return word === 'error' ? reason : undefined;
}

/** The words of the code in `{io,Code,…}`, such as `['ok', 'verified']`; none for any other term. */
export function ioWords(term: Term | undefined): readonly string[] {
  const [code] = recordFields(term, 'io') ?? [];
  return code instanceof Tuple ? code.elements.map((word) => (word instanceof Atom ? word.name : '')) : [];
}

/** The fields of a record, by name. */
export type Fields = Readonly<Partial<Record<string, Term>>>;

/** The fields of a record by their names, a `'Profile'` with or without presence; `undefined` for any other term. */
export function fieldsOf(term: Term | undefined, name: RecordName): Fields | undefined {
  const values = recordFields(term, name);
  if (values === undefined) return undefined;
  const isShort = name === 'Profile' && values.length === records[name].length - 1;
  const fields = records[name].filter((field) => !isShort || field.name !== 'presence');
  if (fields.length !== values.length) return undefined;
  return Object.fromEntries(fields.map((field, index) => [field.name, values[index]]));
}

/** A field in readable form: a binary or list of characters as text, `[]` as nothing. */
export function plainText(term: Term | undefined): string {
  if (term === undefined || (Array.isArray(term) && term.length === 0)) return '';
  if (term instanceof Atom) return term.name === 'undefined' ? '' : term.name;
  const erlang = print(term);
  const [, quoted] = /^(?:<<)?"((?:[^"\\])*)"(?:\/utf8)?(?:>>)?$/.exec(erlang) ?? [];
  return quoted ?? (erlang === '<<>>' ? '' : erlang);
}

/** A time in Unix milliseconds; `undefined` if it is not set. */
export function timeOf(term: Term | undefined): Date | undefined {
  return typeof term === 'number' && term > 0 ? new Date(term) : undefined;
}
