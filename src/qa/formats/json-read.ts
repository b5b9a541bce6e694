import { atom, decode, float, ImproperList, map, type Term, Tuple } from '../../etf/index.ts';
import { UnreadableText } from './format.ts';
import { isExact, JsonFloat, type JsonValue, parseJson } from './json-syntax.ts';
import { type Holds, isRecordName, makeRecord, type RecordName, records } from './record-fields.ts';

/**
 * Read a term from JSON: `{"request":"get","phone":"380501112233"}`, or the output of `toJson` for any term.
 * @throws UnreadableText with line and column of a syntax error, or with the path to an invalid value.
 * @see docs/qa.md, "JSON"
 */
export function readJson(text: string): Term {
  const value = parseJson(text);
  if (
    isObject(value) &&
    !('request' in value) &&
    Object.keys(value).some((key) => requestFields.has(key)) &&
    !isNamed(value)
  )
    fail('', '"request" is missing; it names what is asked, as in {"request":"get"}');
  if (!isObject(value) || !('request' in value)) return new Reader('').term(value, 'anything');
  const { request, ...fields } = value;
  if ('status' in fields) fail('status', '"request" says it already');
  return new Reader('').record('Profile', { ...fields, status: request });
}

/** The fields of a request that are in no other object. */
const requestFields = new Set(records.Profile.map(({ name }) => name).filter((name) => name !== 'status'));

/** Whether an object says by itself what it is. */
function isNamed(value: JsonObject): boolean {
  return 'record' in value || 'ok' in value || 'error' in value;
}

type JsonObject = { readonly [key: string]: JsonValue };

/** Terms nest at most 64 deep; one level takes up to three levels of JSON. */
const deepest = 200;

function fail(path: string, what: string): never {
  throw new UnreadableText(path === '' ? what : `at ${path}: ${what}`);
}

/** Reads the value at one path. */
class Reader {
  readonly #path: string;
  readonly #depth: number;

  constructor(path: string, depth = 0) {
    this.#path = path;
    this.#depth = depth;
    if (depth > deepest) fail('', `the JSON nests more than ${deepest} deep`);
  }

  term(value: JsonValue, holds: Holds): Term {
    if (value === null) return [];
    if (typeof value === 'boolean') return atom(String(value));
    if (typeof value === 'number' || typeof value === 'bigint') return value;
    if (value instanceof JsonFloat) return float(value.value);
    if (typeof value === 'string') return this.#text(value, holds);
    if (isList(value)) return this.#list(value, holds);
    return this.#object(value as JsonObject, holds);
  }

  record(name: RecordName, { record: _, short, ...values }: JsonObject): Tuple {
    const fields = records[name];
    const terms = new Map<string, Term>();
    for (const [key, value] of Object.entries(values)) {
      const field = fields.find((known) => known.name === key);
      if (field === undefined) {
        const names = fields.map((known) => known.name).join(', ');
        fail(this.#child(key), `a '${name}' has no such field; it has ${names}`);
      }
      terms.set(key, this.#at(key).term(value, field.holds));
    }
    const all = makeRecord(name, terms);
    if (short !== true || name !== 'Profile') return all;
    return new Tuple(all.elements.filter((_, index) => index !== presencePlace));
  }

  #text(value: string, holds: Holds): Term {
    if (holds === 'atom') return this.#atom(value);
    if (holds === 'integer') return this.#integer(value);
    if (/\p{Surrogate}/u.test(value)) fail(this.#path, 'half a character is no text');
    return new Uint8Array(Buffer.from(value));
  }

  #atom(name: string): Term {
    try {
      return atom(name);
    } catch {
      return fail(this.#path, 'an atom has at most 255 characters');
    }
  }

  #integer(digits: string): Term {
    if (!/^-?\d{1,5000}$/.test(digits)) fail(this.#path, 'an integer is a number, or a string of its digits');
    const value = BigInt(digits);
    return isExact(value) ? Number(value) : value;
  }

  #list(values: readonly JsonValue[], holds: Holds): Term[] {
    return values.map((value, index) => {
      const element = this.#at(`[${index}]`);
      if (typeof holds !== 'object' || !isObject(value) || isTyped(value))
        return element.term(value, 'anything');
      return element.record(holds.listOf, value);
    });
  }

  #object(value: JsonObject, holds: Holds): Term {
    if (typeof value.record === 'string') {
      if (isRecordName(value.record)) return this.record(value.record, value);
      fail(this.#child('record'), `the records are ${Object.keys(records).join(', ')}`);
    }
    if ('ok' in value || 'error' in value) return this.#io(value);
    const [[key, inner] = ['', null], ...more] = Object.entries(value);
    const read = Object.hasOwn(typed, key) ? typed[key as keyof typeof typed] : undefined;
    if (read !== undefined && more.length === 0) return read(this.#at(key), inner);
    if (typeof holds === 'object') return fail(this.#path, 'a list is expected here');
    return fail(
      this.#path,
      `an object says what it is: "record", or one of ${Object.keys(typed).join(', ')}`,
    );
  }

  /** `{io,{ok,Atom},Data}` */
  #io({ ok, error, data = '', ...more }: JsonObject): Term {
    const [code, word] = ok === undefined ? (['error', error] as const) : (['ok', ok] as const);
    const [strange] = Object.keys(more);
    if (strange !== undefined) fail(this.#child(strange), 'an answer has "ok" or "error", and "data"');
    const said = this.#at(code).term(word ?? null, 'atom');
    return new Tuple([atom('io'), new Tuple([atom(code), said]), this.#at('data').term(data, 'anything')]);
  }

  terms(value: JsonValue): Term[] {
    if (!isList(value)) return fail(this.#path, 'a list is expected here');
    return this.#list(value, 'anything');
  }

  bytes(value: JsonValue): Uint8Array {
    if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value)) {
      return fail(this.#path, 'bytes are written in base64');
    }
    return new Uint8Array(Buffer.from(value, 'base64'));
  }

  text(value: JsonValue): string {
    return typeof value === 'string' ? value : fail(this.#path, 'a string is expected here');
  }

  fail(what: string): never {
    fail(this.#path, what);
  }

  #at(key: string): Reader {
    return new Reader(this.#child(key), this.#depth + 1);
  }

  #child(key: string): string {
    return key.startsWith('[') || this.#path === '' ? this.#path + key : `${this.#path}.${key}`;
  }
}

const presencePlace = 7;

/** A term without a JSON counterpart is an object with one key, the name of its type. */
const typed = {
  atom: (at: Reader, value: JsonValue): Term => at.term(at.text(value), 'atom'),
  integer: (at: Reader, value: JsonValue): Term => at.term(at.text(value), 'integer'),
  float(at: Reader, value: JsonValue): Term {
    const number = Number(at.text(value));
    return Number.isFinite(number) ? float(number) : at.fail('this is no float');
  },
  binary: (at: Reader, value: JsonValue): Term => at.bytes(value),
  string: (at: Reader, value: JsonValue): Term =>
    Array.from(at.text(value), (character) => character.codePointAt(0) ?? 0),
  tuple: (at: Reader, value: JsonValue): Term => new Tuple(at.terms(value)),
  improper(at: Reader, value: JsonValue): Term {
    const terms = at.terms(value);
    const tail = terms.pop();
    if (tail === undefined || terms.length === 0) return at.fail('elements and a tail are expected here');
    return new ImproperList(terms, tail);
  },
  map(at: Reader, value: JsonValue): Term {
    const pairs = at.terms(value).map((pair) => {
      if (!Array.isArray(pair) || pair.length !== 2) return at.fail('a map is a list of [key, value]');
      return pair as [Term, Term];
    });
    return map(pairs);
  },
  etf(at: Reader, value: JsonValue): Term {
    try {
      return decode(at.bytes(value));
    } catch {
      return at.fail('this is no term in the External Term Format');
    }
  },
} as const;

function isTyped(value: JsonObject): boolean {
  const [key = '', ...more] = Object.keys(value);
  return 'record' in value || (more.length === 0 && Object.hasOwn(typed, key));
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !isList(value) && !(value instanceof JsonFloat);
}
