import { atom, decode, encode, isAtom, type Term, Tuple, tuple } from '../../src/etf/index.ts';
import type { RequestKind } from '../../src/handlers/index.ts';
import type { Device } from './device.ts';

/** A simulated user with two numbers, one of them in use, and friends who have each other as contacts. */
export interface Person {
  readonly device: Device;
  number: string;
  spare: string;
  readonly friends: Person[];
  /** The user has asked to move to `number`, which has no profile until the confirmation. */
  isMoving: boolean;
  /** The most frequent request, ready to send. */
  get: Buffer;
}

/** Switches to the other number. */
export function renumber(person: Person, number: string, spare: string): void {
  person.number = number;
  person.spare = spare;
  person.get = encode(profile(number, { status: 'get' }));
}

export const addressOf = ({ device }: Person): string => `${device.client}@load.example`;

/** The `set` that makes a profile: some settings, and a roster with all friends. */
export function seedOf(person: Person): Buffer {
  return encode(profile(person.number, { settings: settings(), rosters: [roster(person)], status: 'set' }));
}

/** The request of a person. @param code - for `email`. */
export function requestOf(kind: RequestKind, person: Person, code: string): Buffer {
  const { number, spare } = person;
  switch (kind) {
    case 'get':
      return person.get;
    case 'set':
      return encode(
        profile(number, { settings: [setting('LANGUAGE', 'uk')], presence: atom('online'), status: kind }),
      );
    case 'update':
      return encode(profile(number, { update: Date.now(), presence: atom('online'), status: kind }));
    case 'link':
      return encode(profile(number, { services: [email(addressOf(person), [])], status: kind }));
    case 'email':
      return encode(profile(number, { services: [email(addressOf(person), text(code))], status: kind }));
    case 'migrate':
      return encode(profile(spare, { status: kind }));
    default:
      return encode(profile(number, { status: kind }));
  }
}

/**
 * Classifies an answer: the status of a profile (of another number: `stranger`), the atom of an `{ok,…}`, `error` and
 * the atom of an `{error,…}`; `later` for credentials that come in another answer.
 */
export function resultOf(payload: Buffer, number: string): string {
  // Most answers are profiles, and are not decoded: {'Profile',<<Number>>,…,Status}.
  if (payload.indexOf(profileHead) === 1) {
    if (payload.toString('latin1', numberAt, numberAt + number.length) !== number) return 'stranger';
    const tail = payload.toString('latin1', payload.length - 10);
    return /d\0.(\w+)$/s.exec(tail)?.[1] ?? 'unknown';
  }
  return resultOfTerm(decode(payload));
}

function resultOfTerm(term: Term): string {
  if (!(term instanceof Tuple)) return 'unknown';
  const [, code, data] = term.elements;
  const [status, word] = code instanceof Tuple ? code.elements : [];
  if (!isAtom(word)) return 'unknown';
  if (isAtom(status, 'error')) return `error ${word.name}`;
  const isCredentials = data instanceof Tuple && isAtom(data.elements[7], 'added');
  return isCredentials ? 'later' : word.name;
}

const profileHead = Buffer.from([104, 9, 100, 0, 7, ...Buffer.from('Profile')]);

/** The version byte, the tuple's head, the tag, and the head of a binary. */
const numberAt = 1 + profileHead.length + 5;

interface ProfileFields {
  readonly services?: Term[];
  readonly rosters?: Term[];
  readonly settings?: Term[];
  readonly update?: number;
  readonly presence?: Term;
  readonly status: RequestKind;
}

function profile(number: string, fields: ProfileFields): Tuple {
  const { services = [], rosters = [], settings = [], update = 0, presence = [], status } = fields;
  return tuple(atom('Profile'), text(number), services, rosters, settings, update, 0, presence, atom(status));
}

function roster({ friends }: Person): Tuple {
  const contacts = friends.map((friend) => {
    const names = [text('A Friend'), text('Of Mine'), text('friend')];
    return tuple(
      ...[
        atom('Contact'),
        text(`${friend.number}_1`),
        text('https://example.org/avatars/friend.png'),
        ...names,
      ],
      ...[[], [], 0, 0, [], 0, [], [], atom('friend')],
    );
  });
  return tuple(
    ...[
      atom('Roster'),
      1,
      text('My Name'),
      text('My Surname'),
      [],
      text('nick'),
      contacts,
      [],
      [],
      [],
      [],
      [],
    ],
    ...[0, atom('add')],
  );
}

function email(address: string, code: Term): Tuple {
  return tuple(atom('Service'), text(address), atom('email'), code, [], [], [], []);
}

function settings(): Tuple[] {
  const names = ['LANGUAGE', 'THEME', 'NOTIFICATIONS', 'LAST_SEEN', 'SOUND', 'DOWNLOAD_OVER_MOBILE'];
  return names.map((name) => setting(name, 'as it was set long ago'));
}

function setting(key: string, value: string): Tuple {
  return tuple(atom('Feature'), [], text(key), text(value), []);
}

function text(value: string): Buffer {
  return Buffer.from(value);
}
