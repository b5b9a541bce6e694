import { atom, isAtom, type Term, Tuple } from '../../etf/index.ts';

/** The usual type of a record field, by which JSON is read. */
export type Holds = 'anything' | 'atom' | 'integer' | { readonly listOf: RecordName };

export interface Field {
  readonly name: string;
  /** The value of an unset field. */
  readonly default: Term;
  readonly holds: Holds;
}

export type RecordName = 'Profile' | 'Service' | 'Roster' | 'Contact' | 'Feature';

const anything = (...names: string[]): Field[] =>
  names.map((name) => ({ name, default: [], holds: 'anything' }));
const atomic = (name: string): Field => ({ name, default: [], holds: 'atom' });
const counted = (name: string): Field => ({ name, default: 0, holds: 'integer' });
const list = (name: string, listOf: RecordName): Field => ({ name, default: [], holds: { listOf } });

/** The records of the protocol, with their fields in order, without the tag; see docs/protocol.md, "Records". */
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

/** The record name of a tuple, for any number of elements. */
export function recordNameOf(term: Term): RecordName | undefined {
  if (!(term instanceof Tuple)) return undefined;
  const [tag] = term.elements;
  return isAtom(tag) && isRecordName(tag.name) ? tag.name : undefined;
}

/** A record with the given values, and defaults for the others. */
export function makeRecord(name: RecordName, values: ReadonlyMap<string, Term>): Tuple {
  return new Tuple([atom(name), ...records[name].map((field) => values.get(field.name) ?? field.default)]);
}
