/** The address books of phones, as tests write and read them; and what Redis keeps of a number. */
import assert from 'node:assert/strict';
import { atom, encodeFragment, type Fragment, type Term, Tuple } from '../../src/etf/index.ts';
import { readRoster } from '../../src/protocol/roster.ts';
import type { Stores } from '../../src/store/index.ts';
import type { Harness } from './harness.ts';
import type { Phone } from './phone.ts';
import { contact, elementsOf, fieldsOf, type ProfileValues, profile, roster } from './terms.ts';

/** For each roster id, the `phone_id`s in their order. */
export type AddressBook = Readonly<Record<number, readonly string[]>>;

/** `<phone>_<roster id>` */
export const idOf = ({ number }: { readonly number: string }, roster = 1): string => `${number}_${roster}`;

/** The entry that `keep` stores for a `phone_id`. */
export const entry = (phoneId: string, changes: { status?: Term; presence?: Term; update?: number } = {}) =>
  contact({ phoneId, names: `known as ${phoneId}`, ...changes });

export const rostersOf = (book: AddressBook): Tuple[] =>
  Object.entries(book).map(([id, ids]) => roster({ id: Number(id), userlist: ids.map((one) => entry(one)) }));

/** Let a phone have a profile with these rosters, and perhaps more in it. */
export async function keep(
  phone: Phone,
  book: AddressBook,
  more: Partial<ProfileValues> = {},
): Promise<void> {
  const rosters = rostersOf(book);
  const answer = await phone.ask(profile({ ...more, phone: phone.number, rosters, status: 'set' }));
  assert.deepEqual(fieldsOf(answer).rosters, rosters);
}

/** The fields of the profile that is answered to a request of this kind. */
export async function askFields(
  phone: Phone,
  status: string,
  values: Partial<ProfileValues> = {},
): Promise<ReturnType<typeof fieldsOf>> {
  return fieldsOf(await phone.ask(profile({ phone: phone.number, ...values, status })));
}

/** The fields of the profile that is answered to a `get`. */
export const read = (phone: Phone) => askFields(phone, 'get');

/** Store a profile with contacts of nothing but these `phone_id`s, in roster `id`. */
export const hold = (phone: Phone, id: number, ...phoneIds: string[]) =>
  askFields(phone, 'set', {
    rosters: [roster({ id, userlist: phoneIds.map((phoneId) => contact({ phoneId })) })],
  });

/** Two phones that have each other as contacts: the first in its roster 1, the second in its roster 2. */
export async function friends(harness: Harness): Promise<[Phone, Phone]> {
  const [one, two] = [await harness.phone(), await harness.phone()];
  await hold(one, 1, idOf(two, 2));
  await hold(two, 2, idOf(one, 1));
  return [one, two];
}

/** The contacts of a `'Profile'`'s rosters, by roster id. */
export function contactsOf(rosters: Term | undefined): Record<string, Term[]> {
  return Object.fromEntries(
    elementsOf(rosters).map((term) => {
      assert.ok(term instanceof Tuple);
      return [String(term.elements[1]), elementsOf(term.elements[6])];
    }),
  );
}

/** Store a profile with these rosters past the worker, for books that no request could carry. */
export async function seed(stores: Stores, number: string, rosters: readonly Tuple[]): Promise<void> {
  const read = rosters.map((term) => readRoster(encodeFragment(term) as Fragment));
  const request = { phone: number, key: 'seed', record: '' };
  await stores.profiles.change<never>(request, undefined, 'ok', () => ({
    rosters: read.filter((one) => one !== undefined),
  }));
}

/** All that Redis holds of a number: keys that name it, and sessions of it. */
export async function keysOf({ database }: Harness, number: string): Promise<string[]> {
  const named = await database.keys(`*${number}*`);
  const sessions = await database.keys('session:*');
  const phones = await Promise.all(sessions.map((session) => database.hget(session, 'phone')));
  return [...named, ...sessions.filter((_, index) => phones[index] === number)].sort();
}

/** A day, the default of MQTT_SESSION_EXPIRY, and five minutes. */
const recordSeconds = 86_700;

/** Fail unless all that Redis holds of a number are records of done requests and places in limits, which lapse. */
export async function assertNothingLeft(harness: Harness, number: string): Promise<void> {
  for (const key of await keysOf(harness, number)) {
    assert.match(key, /^done:|^limit:\{\d+\}:migrate$/, `${key} is left`);
    const seconds = await harness.database.ttl(key);
    assert.ok(
      seconds > 0 && seconds <= (key.startsWith('done:') ? recordSeconds : 3600),
      `${key} lapses in ${seconds} s`,
    );
  }
}

/** What a friend hears after a move: the former `phone_id` is deleted, then the entry as it is now. */
export function afterMove(renamed: Term | undefined, formerId: string): Term[] {
  assert.ok(renamed instanceof Tuple);
  const [tag, , ...rest] = renamed.elements;
  const [, id] = entry(formerId).elements;
  return [new Tuple([tag ?? [], id ?? [], ...rest.slice(0, -1), atom('deleted')]), renamed];
}

/** The entry that was kept under one `phone_id`, under another. */
export function contactNamed(kept: string, phoneId: string): Tuple {
  const [tag, , ...rest] = entry(kept).elements;
  const [, id] = entry(phoneId).elements;
  return new Tuple([tag ?? [], id ?? [], ...rest]);
}
