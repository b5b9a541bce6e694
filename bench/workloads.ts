import { atom, encode, type Term, type Tuple, tuple } from '../src/etf/index.ts';
import { ioError } from '../src/protocol/io.ts';

/** The measured requests; `get` is nine of ten in the field. */
export type Kind = 'get' | 'set' | 'update' | 'email';

/** A phone's request, and the expected answer byte for byte; only the profile's time differs each time. */
export interface Workload {
  readonly request: Buffer;
  /** Where the request has the phone's time: 6 bytes, little-endian. */
  readonly requestTimeAt: number | undefined;
  readonly answer: Buffer;
  /** Where the answer has the profile's time, if it does. */
  readonly answerTimeAt: number | undefined;
  /** The expected time: the one stored before, the one that the phone sent, or the server's at that moment. */
  readonly time: 'stored' | 'sent' | 'server';
}

export const TIME_BYTES = 6;

/** The size of the answer to a `get`. */
const PROFILE_BYTES = 824;

/** The time of a profile that was stored without the worker, Unix milliseconds; 6 bytes as an integer. */
export const STORED_TIME = 1_700_000_000_000;

/** Each phone waits for its answer before it sends again. */
export const MAX_IN_FLIGHT = 256;

/** The first half speaks MQTT 3.1.1, the second MQTT 5. */
export const MAX_PHONES = 2 * MAX_IN_FLIGHT;

export function clientOf(index: number): string {
  return `emqttd_${index}`;
}

/** Twelve digits; `peers/bare-loop.mjs` looks for them there. */
export function phoneOf(index: number): string {
  return String(380_500_000_000 + index);
}

/**
 * The request of a phone and its answer.
 * @param contacts - how many are in the profile.
 */
export function workloadOf(kind: Kind, phone: string, contacts: number): Workload {
  const request = encode(requestOf(kind, phone));
  if (kind === 'email') {
    const answer = ioError('wrong_code');
    return { request, requestTimeAt: undefined, answer, answerTimeAt: undefined, time: 'stored' };
  }
  const fields = { services, rosters: rostersOf(contacts), settings: settingsFor(phone), kind };
  const answer = profile(phone, fields);
  return {
    request,
    requestTimeAt: kind === 'update' ? request.indexOf(storedTime) : undefined,
    answer,
    answerTimeAt: answer.lastIndexOf(storedTime),
    time: times[kind],
  };
}

/** The `set` that stores the profile of the other requests. */
export function seedOf(phone: string, contacts: number): Workload {
  const fields = { services, rosters: rostersOf(contacts), settings: settingsFor(phone), kind: 'set' };
  return { ...workloadOf('set', phone, contacts), request: profile(phone, fields) };
}

/**
 * `get` names the phone only; `set` changes a setting and the presence, `update` the time and the presence; `email`
 * tries a code that was never mailed.
 */
function requestOf(kind: Kind, phone: string): Tuple {
  if (kind === 'email') {
    const service = tuple(
      atom('Service'),
      text('me@example.com'),
      atom('email'),
      text('123456'),
      [],
      [],
      [],
      [],
    );
    return tuple(atom('Profile'), text(phone), [service], [], [], 0, 0, [], atom(kind));
  }
  const settings = kind === 'set' ? [setting('LANGUAGE', 'uk')] : [];
  const time = kind === 'update' ? STORED_TIME : 0;
  const presence = kind === 'get' ? [] : atom('online');
  return tuple(atom('Profile'), text(phone), [], [], settings, time, 0, presence, atom(kind));
}

interface Fields {
  readonly services: Term[];
  readonly rosters: Term[];
  readonly settings: Term[];
  readonly kind: string;
}

function profile(phone: string, { services, rosters, settings, kind }: Fields): Buffer {
  const tail = [STORED_TIME, 0, atom('online'), atom(kind)];
  return encode(tuple(atom('Profile'), text(phone), services, rosters, settings, ...tail));
}

/** The phone of a contact. */
export function counterpartyOf(index: number): string {
  return String(380_671_000_000 + index);
}

/** One roster with this many contacts, of some 160 bytes each. */
export function rostersOf(contacts: number): Term[] {
  if (contacts === 0) return [];
  return [rosterOf(Array.from({ length: contacts }, (_, index) => `${counterpartyOf(index)}_1`))];
}

/** A roster of the contacts with these `phone_id`s. */
export function rosterOf(phoneIds: readonly string[]): Term {
  const names = [text('Ivan'), text('Franko'), [], text('ivan')];
  return tuple(atom('Roster'), 1, ...names, phoneIds.map(contact), [], [], [], [], [], 0, atom('add'));
}

function contact(phoneId: string): Term {
  const avatar = text(`https://example.org/avatars/${phoneId}.png`);
  const names = [text('Name'), text('Surname'), text('nick'), text('user@example.org')];
  return tuple(
    ...[atom('Contact'), text(phoneId), avatar, ...names],
    ...[[], 0, 1, [], STORED_TIME, [], atom('online'), atom('active')],
  );
}

/** The settings in the profile of a phone. */
export function settingsFor(phone: string): Term[] {
  const settings = [
    setting('LANGUAGE', 'uk'),
    setting('THEME', 'dark'),
    setting('NOTIFICATIONS', 'contacts'),
    setting('LAST_SEEN', 'everybody'),
    setting('DOWNLOAD_OVER_MOBILE', 'images'),
    setting('SOUND', 'none'),
  ];
  const fields = { services, rosters: [], settings, kind: 'get' };
  const room = PROFILE_BYTES - profile(phone, fields).length;
  const signature = setting('SIGNATURE', '');
  const frame = encode(signature).length - 1;
  return [...settings, setting('SIGNATURE', 'x'.repeat(room - frame))];
}

function setting(key: string, value: string): Tuple {
  return tuple(atom('Feature'), [], text(key), text(value), []);
}

function voxService(id: string): Tuple {
  return tuple(
    atom('Service'),
    text(id),
    atom('vox'),
    [],
    text(`${id}@voice.example`),
    [],
    [],
    atom('added'),
  );
}

function text(value: string): Buffer {
  return Buffer.from(value);
}

const times = { get: 'stored', set: 'server', update: 'sent' } as const;

const services = [voxService('desk'), voxService('pocket')];

const storedTime = Buffer.alloc(TIME_BYTES);
storedTime.writeUIntLE(STORED_TIME, 0, TIME_BYTES);
