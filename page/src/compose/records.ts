/** The protocol's records as terms, with everything unset that a form does not ask for; see docs/protocol.md. */
import { atom, type Term, type Tuple, tuple } from '../../../src/etf/index.ts';
import type { RequestKind } from '../../../src/records/profile.ts';

interface ProfileTerms {
  readonly services?: Term;
  readonly rosters?: Term;
  readonly settings?: Term;
  readonly update?: Term;
  readonly presence?: Term;
}

export function profile(phone: string, kind: RequestKind, fields: ProfileTerms = {}): Tuple {
  const { services = [], rosters = [], settings = [], update = [], presence = [] } = fields;
  return tuple(atom('Profile'), text(phone), services, rosters, settings, update, [], presence, atom(kind));
}

export function service(id: string, type: string, data = ''): Tuple {
  return tuple(atom('Service'), optional(id), atom(type), optional(data), [], [], [], []);
}

export function feature(key: string, value: string): Tuple {
  return tuple(atom('Feature'), [], text(key), optional(value), []);
}

export function roster(id: Term, names: string, userlist: Term[]): Tuple {
  return tuple(atom('Roster'), id, optional(names), [], [], [], userlist, [], [], [], [], [], 0, []);
}

export function contact(phoneId: string, names: string): Tuple {
  const head = [atom('Contact'), text(phoneId), [], optional(names), [], [], [], [], []];
  return tuple(...head, 0, [], 0, [], [], []);
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function optional(value: string): Term {
  return value === '' ? [] : text(value);
}
