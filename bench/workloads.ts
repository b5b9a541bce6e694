import { atom, encode, type Term, type Tuple, tuple } from '../src/etf/index.ts';

/** The requests that are measured; `get` is nine of ten in the field. */
export type Kind = 'get' | 'set' | 'update';

/** What a phone sends, and what it must get back byte for byte; only the profile's time is different each time. */
export interface Workload {
  readonly request: Buffer;
  /** Where the request carries the phone's time: 6 bytes, little-endian. */
  readonly requestTimeAt: number | undefined;
  readonly answer: Buffer;
  /** Where the answer carries the profile's time. */
  readonly answerTimeAt: number;
  /** Which time that must be: the one stored before, the one that the phone sent, or the server's at that moment. */
  readonly time: 'stored' | 'sent' | 'server';
}

export const TIME_BYTES = 6;

/** The size of the answer to a `get`. */
const PROFILE_BYTES = 824;

/** The time of a profile that was stored without asking the worker, Unix milliseconds; 6 bytes as an integer. */
export const STORED_TIME = 1_700_000_000_000;

/** As many phones as there can be requests in flight; each waits for its answer before it asks again. */
export const MOST_PHONES = 256;

export function clientOf(place: number): string {
  return `emqttd_${place}`;
}

/** Twelve digits, which is where `peers/bare-loop.mjs` looks for them. */
export function phoneOf(place: number): string {
  return String(380_500_000_000 + place);
}

/** The request of a phone and its answer. */
export function workloadOf(kind: Kind, phone: string): Workload {
  const request = encode(requestOf(kind, phone));
  const answer = profile(phone, { services, settings: settingsFor(phone), kind });
  return {
    request,
    requestTimeAt: kind === 'update' ? request.indexOf(storedTime) : undefined,
    answer,
    answerTimeAt: answer.lastIndexOf(storedTime),
    time: times[kind],
  };
}

/** The `set` that stores what the other requests are about. */
export function seedOf(phone: string): Workload {
  const fields = { services, settings: settingsFor(phone), kind: 'set' };
  return { ...workloadOf('set', phone), request: profile(phone, fields) };
}

/** `get` names the phone alone; `set` changes a setting and the presence, `update` the time and the presence. */
function requestOf(kind: Kind, phone: string): Tuple {
  const settings = kind === 'set' ? [setting('LANGUAGE', 'uk')] : [];
  const time = kind === 'update' ? STORED_TIME : 0;
  const presence = kind === 'get' ? [] : atom('online');
  return tuple(atom('Profile'), text(phone), [], [], settings, time, 0, presence, atom(kind));
}

function profile(phone: string, fields: { services: Term[]; settings: Term[]; kind: string }): Buffer {
  const { services, settings, kind } = fields;
  return encode(
    tuple(atom('Profile'), text(phone), services, [], settings, STORED_TIME, 0, atom('online'), atom(kind)),
  );
}

function settingsFor(phone: string): Term[] {
  const settings = [
    setting('LANGUAGE', 'uk'),
    setting('THEME', 'dark'),
    setting('NOTIFICATIONS', 'contacts'),
    setting('LAST_SEEN', 'everybody'),
    setting('DOWNLOAD_OVER_MOBILE', 'images'),
    setting('SOUND', 'none'),
  ];
  const room = PROFILE_BYTES - profile(phone, { services, settings, kind: 'get' }).length;
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
