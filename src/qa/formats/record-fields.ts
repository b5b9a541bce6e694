import { atom, isAtom, type Term, Tuple } from '../../etf/index.ts';

/** What a field of a record usually holds; decides how JSON is read there. */
export type Holds = 'anything' | 'atom' | 'integer' | { readonly listOf: RecordName };

export interface Field {
  readonly name: string;
  /** Its value where a record is written without it. */
  readonly default: Term;
  readonly holds: Holds;
}

export type RecordName = 'Profile' | 'Service' | 'Roster' | 'Contact' | 'Feature';

const anything = (...names: string[]): Field[] =>
  names.map((name) => ({ name, default: [], holds: 'anything' }));
const atomic = (name: string): Field => ({ name, default: [], holds: 'atom' });
const counted = (name: string): Field => ({ name, default: 0, holds: 'integer' });
const list = (name: string, listOf: RecordName): Field => ({ name, default: [], holds: { listOf } });

/** The protocol's records, fields in their order after the tag; see docs/protocol.md, "Records". */
export const records: Readonly<Record<RecordName, readonly Field[]>> = {
  Profile: [
    ...anything('phone'),
    list('services', 'Service'),
    list('rosters', 'Roster'),
    list('settings', 'Feature'),
    counted('update'),
    counted('balance'),
    atomic('presence'),
    atomic('status'),
  ],
  Service: [
    ...anything('id'),
    atomic('type'),
    ...anything('data', 'login', 'password'),
    { name: 'expiration', default: [], holds: 'integer' },
    atomic('status'),
  ],
  Roster: [
    ...anything('id', 'names', 'surnames', 'email', 'nick'),
    list('userlist', 'Contact'),
    ...anything('roomlist', 'favorite', 'tags', 'phone', 'avatar'),
    counted('update'),
    atomic('status'),
  ],
  Contact: [
    ...anything('phone_id', 'avatar', 'names', 'surnames', 'nick', 'email', 'vox_id', 'reader'),
    counted('unread'),
    ...anything('last_msg'),
    counted('update'),
    list('settings', 'Feature'),
    atomic('presence'),
    atomic('status'),
  ],
  Feature: anything('id', 'key', 'value', 'group'),
};

export function isRecordName(name: string): name is RecordName {
  return Object.hasOwn(records, name);
}

/** The name of the record that a tuple is, whatever number of elements it has. */
export function recordNameOf(term: Term): RecordName | undefined {
  if (!(term instanceof Tuple)) return undefined;
  const [tag] = term.elements;
  return isAtom(tag) && isRecordName(tag.name) ? tag.name : undefined;
}

/** A record made of the values that are given; the others have their defaults. */
export function makeRecord(name: RecordName, values: ReadonlyMap<string, Term>): Tuple {
  return new Tuple([atom(name), ...records[name].map((field) => values.get(field.name) ?? field.default)]);
}
