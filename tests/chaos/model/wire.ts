/** Converts between the model's values and the terms on the wire. */
import assert from 'node:assert/strict';
import { Atom, atom, decode, encode, equal, type Term, Tuple } from '../../../src/etf/index.ts';
import {
  contact,
  elementsOf,
  feature,
  profile,
  record,
  roster,
  service,
  shortProfile,
} from '../../harness/terms.ts';
import type { Answer, Asked, Owned } from './operation.ts';
import type { Contact, Feature, Profile, Roster, Service } from './state.ts';

/** Which of its possible forms a request has. */
export interface Forms {
  readonly phone: 'binary' | 'plus' | 'characters' | 'integer';
  readonly code: 'binary' | 'characters' | 'integer' | 'password';
  readonly unset: 'list' | 'undefined';
  /** Which field has the wrong shape in a request that must be refused. */
  readonly wrong: 'settings' | 'roster' | 'contact' | 'presence' | 'service';
}

const nil: Term = [];

/** A request as a payload. */
export function payloadOf(asked: Asked, forms: Forms): Buffer {
  const unset = forms.unset === 'list' ? nil : atom('undefined');
  const none = { services: unset, rosters: unset, settings: unset, presence: unset };
  const values = {
    ...none,
    phone: phoneTerm(asked.phone, forms.phone),
    status: asked.kind,
    ...sentOf(asked, forms),
  };
  const term = asked.size === 8 ? profile(values) : shortProfile(values);
  if (asked.kind !== 'invalid') return encode(term);
  // An unknown status as it is; or a tuple that is too long.
  return encode(forms.unset === 'list' ? term : new Tuple([...term.elements, 1, 2]));
}

function phoneTerm(phone: string, form: Forms['phone']): Term | string {
  if (form === 'plus') return `+${phone}`;
  if (form === 'characters') return characters(phone);
  return form === 'integer' ? Number(phone) : phone;
}

function characters(text: string): Term {
  return [...text].map((character) => character.charCodeAt(0));
}

function sentOf(asked: Asked, forms: Forms): Record<string, Term> {
  switch (asked.kind) {
    case 'set':
      return { ...ownedOf(asked.owned), ...(asked.malformed && wrongField(forms.wrong)) };
    case 'update':
      return { update: asked.time, ...(asked.presence && { presence: atom(asked.presence) }) };
    case 'phone':
      if (asked.old === undefined) return {};
      return {
        settings: [feature('theme', 'dark'), feature('OLD_PHONE', phoneTerm(asked.old, forms.phone))],
      };
    case 'link':
      return { services: [service({ id: asked.address, type: atom('email') })] };
    case 'email': {
      const code = codeTerm(asked.code, forms.code);
      const field = forms.code === 'password' ? { password: code } : { data: code };
      return { services: [service({ id: asked.address, type: atom('email'), ...field })] };
    }
    default:
      return {};
  }
}

function codeTerm(code: string, form: Forms['code']): Term {
  if (form === 'characters') return characters(code);
  return form === 'integer' ? Number(code) : Buffer.from(code);
}

function ownedOf({ settings, presence, rosters, services }: Owned): Record<string, Term> {
  return {
    ...(settings && { settings: settings.map(featureTerm) }),
    ...(presence && { presence: atom(presence) }),
    ...(rosters && { rosters: rosters.map(rosterTerm) }),
    ...(services && { services: services.map(serviceTerm) }),
  };
}

function wrongField(wrong: Forms['wrong']): Record<string, Term> {
  switch (wrong) {
    case 'settings':
      return { settings: Buffer.from('no list') };
    case 'roster':
      return { rosters: [record('Roster', 1, nil)] };
    case 'contact':
      return { rosters: [roster({ id: 1, userlist: [record('Contact', 'x')] })] };
    case 'presence':
      return { presence: [1] };
    case 'service':
      return { services: [record('Service', 'x')] };
  }
}

function featureTerm({ key, value }: Feature): Term {
  return feature(key, value === '' ? nil : value, 'group');
}

function serviceTerm({ id, type, status }: Service): Term {
  return service({ id, type: atom(type), status: status === '' ? nil : atom(status) });
}

function rosterTerm(each: Roster | number): Term {
  if (typeof each === 'number') return each;
  return roster({ id: each.id, names: each.names, userlist: each.contacts.map(contactTerm) });
}

/** The last message stands for all that is carried byte for byte. */
function contactTerm({ phoneId, names, update, presence, status }: Contact): Term {
  return contact({
    phoneId,
    names,
    lastMessage: record('Message', names, [0x1f600], -1, 2n ** 70n),
    update,
    presence: presence === '' ? nil : atom(presence),
    status: status === '' ? nil : atom(status),
  });
}

/** Reads an answer. @throws AssertionError for an impossible answer. */
export function readAnswer(payload: Buffer): Answer {
  const term = decode(payload);
  assert.ok(term instanceof Tuple, 'an answer is a tuple');
  const [tag, ...fields] = term.elements;
  if (atomName(tag) === 'io') return readIo(fields);
  assert.equal(atomName(tag), 'Profile');
  const [phone, services, rosters, settings, update, balance, ...rest] = fields;
  assert.ok(typeof update === 'number' && typeof balance === 'number');
  return {
    kind: atomName(rest.at(-1)),
    phone: textOf(phone),
    size: fields.length,
    balance,
    profile: readProfileFields(
      { services, rosters, settings, presence: rest.length === 2 ? rest[0] : nil },
      update,
    ),
  };
}

function readIo([result, data]: Term[]): Answer {
  assert.ok(result instanceof Tuple && data !== undefined && result.elements.length === 2);
  const [io, word] = result.elements.map(atomName);
  assert.ok(io === 'ok' || io === 'error');
  if (!(data instanceof Tuple)) {
    assert.equal(textOf(data), '');
    return { io, word: word ?? '' };
  }
  const [tag, id, type, empty, secret, token, expiration, status] = data.elements;
  assert.deepEqual([tag, type, empty].map(plain), ['Service', 'aws', []]);
  if (atomName(status) === 'added') {
    assert.deepEqual([id, secret, token, expiration], [[], [], [], []]);
    return { io, word: 'aws added' };
  }
  assert.ok(typeof expiration === 'number' && atomName(status) === 'verified');
  const text = [id, secret, token].map(textOf).join(' ');
  return { io, word: 'aws', credentials: { text: `${text} ${expiration}`, expiration } };
}

/** The fields of a profile as terms. */
export interface ProfileTerms {
  readonly services: Term | undefined;
  readonly rosters: Term | undefined;
  readonly settings: Term | undefined;
  readonly presence: Term | undefined;
}

export function readProfileFields(terms: ProfileTerms, update: number): Profile {
  return {
    services: elementsOf(terms.services).map((term) => exactly(term, readService(term), serviceTerm)),
    rosters: elementsOf(terms.rosters).map((term) => exactly(term, readRoster(term), rosterTerm)),
    settings: elementsOf(terms.settings).map((term) => exactly(term, readFeature(term), featureTerm)),
    update,
    presence: atomName(terms.presence),
  };
}

/** The model's value keeps the whole term. */
function exactly<T>(term: Term, value: T, write: (value: T) => Term): T {
  assert.ok(equal(write(value), term), 'a record comes back as it was sent');
  return value;
}

/** A `'Contact'` notice. */
export function readNotice(payload: Buffer): Contact {
  const term = decode(payload);
  return exactly(term, readContact(term), contactTerm);
}

function readContact(term: Term): Contact {
  assert.ok(term instanceof Tuple && term.elements.length === 15);
  const fields = term.elements;
  const update = fields[11];
  assert.ok(typeof update === 'number');
  return {
    phoneId: textOf(fields[1]),
    names: textOf(fields[3]),
    update,
    presence: atomName(fields[13]),
    status: atomName(fields[14]),
  };
}

function readRoster(term: Term): Roster | number {
  if (typeof term === 'number') return term;
  assert.ok(term instanceof Tuple && term.elements.length === 14);
  const [, id, names] = term.elements;
  assert.ok(typeof id === 'number');
  return { id, names: textOf(names), contacts: elementsOf(term.elements[6]).map(readContact) };
}

function readFeature(term: Term): Feature {
  assert.ok(term instanceof Tuple && term.elements.length === 5);
  return { key: textOf(term.elements[2]), value: textOf(term.elements[3]) };
}

function readService(term: Term): Service {
  assert.ok(term instanceof Tuple && term.elements.length === 8);
  const [, id, type] = term.elements;
  return { id: textOf(id), type: atomName(type), status: atomName(term.elements[7]) };
}

/** `''` for `[]`. */
export function textOf(term: Term | undefined): string {
  assert.ok(term instanceof Uint8Array || (Array.isArray(term) && term.length === 0), 'a binary');
  return Buffer.from(term as Uint8Array).toString();
}

function atomName(term: Term | undefined): string {
  assert.ok(term instanceof Atom || (Array.isArray(term) && term.length === 0), 'an atom');
  return term instanceof Atom ? term.name : '';
}

function plain(term: Term | undefined): unknown {
  return term instanceof Atom ? term.name : term;
}
