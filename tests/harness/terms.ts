/** The protocol's records as terms, with everything unset that a test does not name. */
import assert from 'node:assert/strict';
import { atom, print, type Term, Tuple, tuple } from '../../src/etf/index.ts';

/** A string stands for a binary of its UTF-8 bytes. */
export type Value = Term | string;

/** A binary, as `decode` gives it. */
export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export interface ProfileValues {
  readonly phone?: Value;
  readonly services?: Value;
  readonly rosters?: Value;
  readonly settings?: Value;
  readonly update?: Value;
  readonly balance?: Value;
  readonly presence?: Value;
  readonly status: string;
}

/** `{'Profile',Phone,Services,Rosters,Settings,Update,Balance,Presence,Status}` */
export function profile(values: ProfileValues): Tuple {
  const { phone = [], services = [], rosters = [], settings = [] } = values;
  const { update = 0, balance = 0, presence = [], status } = values;
  return record('Profile', phone, services, rosters, settings, update, balance, presence, atom(status));
}

/** The same without `presence`: 8 elements, as many clients write it. */
export function shortProfile(values: ProfileValues): Tuple {
  const elements = profile(values).elements;
  return new Tuple([...elements.slice(0, 7), ...elements.slice(8)]);
}

export interface ServiceValues {
  readonly id?: Value;
  readonly type?: Value;
  readonly data?: Value;
  readonly login?: Value;
  readonly password?: Value;
  readonly expiration?: Value;
  readonly status?: Value;
}

export function service(values: ServiceValues): Tuple {
  const { id = [], type = [], data = [], login = [], password = [], expiration = [], status = [] } = values;
  return record('Service', id, type, data, login, password, expiration, status);
}

export interface RosterValues {
  readonly id?: Value;
  readonly names?: Value;
  readonly userlist?: Value;
  readonly phone?: Value;
  readonly update?: Value;
  readonly status?: Value;
}

export function roster(values: RosterValues): Tuple {
  const { id = 1, names = [], userlist = [], phone = [], update = 0, status = [] } = values;
  return record('Roster', id, names, [], [], [], userlist, [], [], [], phone, [], update, status);
}

export interface ContactValues {
  readonly phoneId: Value;
  readonly names?: Value;
  readonly lastMessage?: Value;
  readonly update?: Value;
  readonly settings?: Value;
  readonly presence?: Value;
  readonly status?: Value;
}

export function contact(values: ContactValues): Tuple {
  const { phoneId, names = [], lastMessage = [], update = 0 } = values;
  const { settings = [], presence = [], status = [] } = values;
  const tail = [0, lastMessage, update, settings, presence, status];
  return record('Contact', phoneId, [], names, [], [], [], [], [], ...tail);
}

export function feature(key: Value, value: Value, group: Value = []): Tuple {
  return record('Feature', [], key, value, group);
}

/** `{io,{error,Code},<<>>}` */
export function refusal(code: string): Tuple {
  return tuple(atom('io'), tuple(atom('error'), atom(code)), text(''));
}

/** The fields of a `'Profile'` of 9 or 8 elements; fails for any other term. */
export function fieldsOf(answer: Term) {
  assert.ok(answer instanceof Tuple, 'a tuple is answered');
  const [tag, phone, services, rosters, settings, update, balance, ...rest] = answer.elements;
  assert.deepEqual(tag, atom('Profile'), `a profile is answered, and not ${print(answer)}`);
  const status = rest.at(-1);
  const presence = rest.length === 2 ? rest[0] : undefined;
  return { phone, services, rosters, settings, update, balance, presence, status };
}

/** The elements of a list; fails for any other term. */
export function elementsOf(list: Term | undefined): Term[] {
  assert.ok(Array.isArray(list), 'a list');
  return list;
}

/** `{Tag,…}` of any length. */
export function record(tag: string, ...values: Value[]): Tuple {
  return tuple(atom(tag), ...values.map((value) => (typeof value === 'string' ? text(value) : value)));
}
