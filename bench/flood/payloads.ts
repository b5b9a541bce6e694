/** What the attackers of `npm run flood` send: ready bytes, each at a limit of what is read. */
import { deflateSync } from 'node:zlib';
import { atom, encode, Foreign, type Term } from '../../src/etf/index.ts';
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

/** A `set` of one more roster with 240 KB in it, which leaves those before as they are. */
export function oneMoreRoster(phone: string, id: number): Buffer {
  const before: Term[] = many(id - 1, (n) => n + 1);
  return request(phone, 'set', { rosters: [...before, roster({ id, names: 'x'.repeat(240_000) })] });
}

/** A `set` of one more roster with 1,000 strangers in it. */
export function oneMoreThousand(phone: string, id: number): Buffer {
  const before: Term[] = many(id - 1, (n) => n + 1);
  const userlist = many(1_000, (n) => contact({ phoneId: `${49_170_000_000 + id * 1_000 + n}_1` }));
  return request(phone, 'set', { rosters: [...before, roster({ id, userlist })] });
}

/** A `link` of this address. */
export const linkTo = (phone: string, address: Value): Buffer =>
  request(phone, 'link', { services: [service({ id: address, type: atom('email') })] });

export function many<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n));
}
