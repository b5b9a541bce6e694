/** What the attackers of `npm run flood` send: ready bytes, each at a limit of what is read. */
import { deflateSync } from 'node:zlib';
import { atom, encode, Foreign } from '../../src/etf/index.ts';
import {
  contact,
  feature,
  type ProfileValues,
  profile,
  roster,
  service,
  type Value,
} from '../../tests/harness/terms.ts';

/** A request with no more than its name and phone, unless told. */
export const request = (phone: string, status: string, more: Partial<ProfileValues> = {}): Buffer =>
  encode(profile({ phone, status, ...more }));

/** The same term compressed, tag 80. */
export function zipped(payload: Buffer): Buffer {
  const plain = payload.subarray(1);
  const head = Buffer.of(131, 80, 0, 0, 0, 0);
  head.writeUInt32BE(plain.length, 2);
  return Buffer.concat([head, deflateSync(plain)]);
}

/** Some 500 bytes that become 7,000 services. */
export const zippedServices = (phone: string): Buffer =>
  zipped(request(phone, 'set', { services: many(7_000, () => service({ id: 'x', type: atom('vox') })) }));

/** 980 settings, each a value of 60 tuples inside each other: 65,000 elements. */
export function deepSettings(phone: string): Buffer {
  const value = new Foreign(Buffer.from([...many(60, () => [104, 1]).flat(), 106]));
  return request(phone, 'set', { settings: many(980, (n) => feature(`k${n}`, value)) });
}

/** 8,000 settings, some 240 KB. */
export const wideSettings = (phone: string): Buffer =>
  request(phone, 'set', { settings: many(8_000, (n) => feature(`k${n}`, 'v')) });

/** A `get` of 256 KiB. */
export const longGet = (phone: string): Buffer =>
  request(phone, 'get', { settings: [feature('filler', Buffer.alloc(261_500, 'x'))] });

/**
 * `set`s that store the largest profile: its rosters, its services, its settings, each by one request of a kilobyte that
 * becomes so many bytes. What a request does not name stays.
 */
export const largeParts: readonly ((phone: string, bytes: number) => Buffer)[] = [
  (phone, bytes) => zipped(request(phone, 'set', { rosters: [roster({ names: 'x'.repeat(bytes) })] })),
  (phone, bytes) => {
    const services = [service({ id: 'x', type: atom('vox'), data: 'x'.repeat(bytes) })];
    return zipped(request(phone, 'set', { services }));
  },
  (phone, bytes) => zipped(request(phone, 'set', { settings: [feature('large', 'x'.repeat(bytes))] })),
];

/** A `set` of so many contacts who are strangers; 4,000 are as many as one request may hold. */
export function strangers(phone: string, count: number): Buffer {
  const userlist = many(count, (n) => contact({ phoneId: `${49_170_000_000 + n}_1` }));
  return request(phone, 'set', { rosters: [roster({ userlist })] });
}

/** A `link` of this address. */
export const linkTo = (phone: string, address: Value): Buffer =>
  request(phone, 'link', { services: [service({ id: address, type: atom('email') })] });

export function many<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n));
}
