import { isUtf8 } from 'node:buffer';
import {
  Atom,
  Foreign,
  ImproperList,
  isAtom,
  messageOf,
  readForeign,
  type Term,
  Tuple,
} from '../../etf/index.ts';
import { isText } from './erlang-lines.ts';
import { type Field, type Holds, recordNameOf, records } from './record-fields.ts';

/** A JSON value for writing. */
export type Json = boolean | string | number | Json[] | { [key: string]: Json };

/**
 * A term as JSON that `readJson` reads back. Text binaries and integers above 2^53 are strings; records are objects
 * without their unset fields. A term without a JSON counterpart is an object with one key, the name of its type.
 * @see docs/qa.md, "JSON"
 */
export function toJson(term: Term, holds: Holds = 'anything'): Json {
  if (typeof term === 'number') return term;
  if (typeof term === 'bigint') return holds === 'integer' ? String(term) : { integer: String(term) };
  if (term instanceof Atom) return atomToJson(term, holds);
  if (term instanceof Uint8Array) return bytesToJson(term, holds);
  if (term instanceof Tuple) return tupleToJson(term);
  if (term instanceof ImproperList)
    return { improper: [...term.elements, term.tail].map((each) => toJson(each)) };
  if (term instanceof Foreign) return foreignToJson(term);
  if (typeof holds !== 'object' && isText(term))
    return { string: term.map((code) => String.fromCodePoint(code)).join('') };
  return term.map((element) => toJson(element));
}

function atomToJson({ name }: Atom, holds: Holds): Json {
  if (name === 'true' || name === 'false') return name === 'true';
  return holds === 'atom' ? name : { atom: name };
}

function bytesToJson(bytes: Uint8Array, holds: Holds): Json {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const isText = holds !== 'atom' && holds !== 'integer' && isUtf8(buffer);
  return isText ? buffer.toString('utf8') : { binary: buffer.toString('base64') };
}

function tupleToJson(term: Tuple): Json {
  const { elements } = term;
  const [tag, code, data] = elements;
  if (isAtom(tag, 'io') && elements.length === 3 && code instanceof Tuple && data !== undefined) {
    const [word, said, ...more] = code.elements;
    const isCode = isAtom(word, 'ok') || isAtom(word, 'error');
    if (isCode && isAtom(said) && more.length === 0) return ioToJson(word.name, said, data);
  }
  const name = recordNameOf(term);
  const fields = name === undefined ? [] : records[name];
  if (name !== undefined && elements.length === fields.length + 1) {
    return { record: name, ...fieldsToJson(fields, elements) };
  }
  if (name === 'Profile' && elements.length === fields.length) {
    const withoutPresence = fields.filter(({ name: field }) => field !== 'presence');
    return { record: name, short: true, ...fieldsToJson(withoutPresence, elements) };
  }
  return { tuple: elements.map((element) => toJson(element)) };
}

/** Unset fields are left out. */
function fieldsToJson(fields: readonly Field[], elements: readonly Term[]): Record<string, Json> {
  const json: Record<string, Json> = {};
  for (const [index, { name, holds, default: preset }] of fields.entries()) {
    const value = elements[index + 1] ?? [];
    if (isEmptyList(value) && isEmptyList(preset)) continue;
    json[name] = toJson(value, holds);
  }
  return json;
}

function isEmptyList(term: Term): boolean {
  return Array.isArray(term) && term.length === 0;
}

function ioToJson(word: string, said: Atom, data: Term): Json {
  const isEmpty = data instanceof Uint8Array && data.length === 0;
  return { [word]: atomToJson(said, 'atom'), ...(!isEmpty && { data: toJson(data) }) };
}

function foreignToJson(term: Foreign): Json {
  const value = readForeign(term);
  if (value.kind === 'map') {
    return { map: value.pairs.map((pair) => pair.map((each) => toJson(each))) };
  }
  if (value.kind !== 'float') return { etf: messageOf(term.bytes).toString('base64') };
  const text = Object.is(value.value, -0) ? '-0' : String(value.value);
  return /[.e]/.test(text) ? value.value : { float: text };
}
