/** Makes the protocol's records as terms; fields that a form does not have get their default. */
import { atom, type Term, type Tuple } from '../../../src/etf/index.ts';
import { makeRecord, type RecordName } from '../../../src/qa/formats/record-fields.ts';

interface ProfileTerms {
  readonly services?: Term;
  readonly rosters?: Term;
  readonly settings?: Term;
  readonly update?: Term;
  readonly presence?: Term;
}

export function profile(phone: string, kind: string, fields: ProfileTerms = {}): Tuple {
  return record('Profile', { phone: text(phone), ...fields, status: atom(kind) });
}

export function service(id: string, type: string, data = ''): Tuple {
  return record('Service', { id: optional(id), type: atom(type), data: optional(data) });
}

export function feature(key: string, value: string): Tuple {
  return record('Feature', { key: text(key), value: optional(value) });
}

export function roster(id: Term, names: string, userlist: Term[]): Tuple {
  return record('Roster', { id, names: optional(names), userlist });
}

export function contact(phoneId: string, names: string): Tuple {
  return record('Contact', { phone_id: text(phoneId), names: optional(names) });
}

function record(name: RecordName, values: Readonly<Record<string, Term>>): Tuple {
  return makeRecord(name, new Map(Object.entries(values)));
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function optional(value: string): Term {
  return value === '' ? [] : text(value);
}
