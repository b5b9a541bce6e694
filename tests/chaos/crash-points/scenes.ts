/** The data stored before a request, and the request: for each kind, one that sends notices or moves much data. */
import { atom, encodeFragment, type Tuple } from '../../../src/etf/index.ts';
import type { Stores } from '../../../src/store/index.ts';
import { type AddressBook, rostersOf, seed } from '../../harness/address-books.ts';
import { feature, profile } from '../../harness/terms.ts';

export interface Scene {
  readonly name: string;
  /** The client that asks. */
  readonly client: string;
  readonly request: Tuple;
}

const self = '380501000001';
const fresh = '380501000002';
const [friend, other, stranger, both, newOnly] = [
  '380671000001',
  '380671000002',
  '380671000003',
  '380671000004',
  '380671000005',
];

/** The phones that have a profile, or get one. */
export const phones = [self, fresh, friend, other, stranger, both, newOnly] as const;

/** The clients of each phone with sessions. */
const clients: Readonly<Record<string, readonly string[]>> = {
  [self]: ['self-1', 'self-2'],
  [fresh]: ['fresh-1'],
};

const books: Readonly<Record<string, AddressBook>> = {
  [self]: {
    1: [`${friend}_4`, `${other}_1`, `${stranger}_1`],
    2: [`${friend}_4`, `${friend}_5`, `${both}_1`, `${newOnly}_1`],
  },
  [friend]: { 4: [`${self}_1`, `${stranger}_1`, `${self}_2`], 5: [`${self}_2`] },
  [other]: { 1: [`${stranger}_1`, `${self}_1`] },
  [stranger]: { 1: [`${friend}_4`] },
  [both]: { 1: [`${fresh}_2`, `${stranger}_1`, `${self}_2`] },
  [newOnly]: { 1: [`${fresh}_2`] },
};

/** An entry for itself in the profile that moves: it is renamed like entries of others. */
const movingBook: AddressBook = {
  1: [...(books[self]?.[1] ?? []), `${self}_2`],
  2: [...(books[self]?.[2] ?? []), `${self}_1`],
};

/** A time newer than the stored one, and older than any run: it is no time of the server's clock. */
const earlier = Date.now();

export const scenes: readonly Scene[] = [
  { name: 'remove', client: 'self-1', request: profile({ phone: self, status: 'remove' }) },
  { name: 'phone', client: 'fresh-1', request: profile({ phone: fresh, status: 'phone' }) },
  {
    name: 'update',
    client: 'self-1',
    request: profile({ phone: self, update: earlier, presence: atom('away'), status: 'update' }),
  },
  {
    name: 'set',
    client: 'self-1',
    request: profile({
      phone: self,
      settings: [feature('LANG', 'uk')],
      rosters: rostersOf({ 1: [`${other}_1`], 7: [`${friend}_4`] }),
      status: 'set',
    }),
  },
  { name: 'migrate', client: 'self-1', request: profile({ phone: fresh, status: 'migrate' }) },
];

/** Stores the data that a scene begins with. */
export async function lay(
  { name }: Scene,
  stores: Stores,
  signIn: (client: string, phone: string) => Promise<void>,
): Promise<void> {
  for (const [phone, names] of Object.entries(clients))
    for (const client of names) await signIn(client, phone);
  for (const [phone, book] of Object.entries(books)) {
    const isMoving = name === 'phone' && phone === self;
    await seed(stores, phone, rostersOf(isMoving ? movingBook : book));
  }
  const seeding = { phone: fresh, key: 'seed', record: '' };
  const replaced = await stores.profiles.change<never>(seeding, undefined, 'ok', () => ({
    presence: encodeFragment(atom('online')),
  }));
  if (name === 'phone' && typeof replaced !== 'string')
    await stores.migrations.ask(
      { client: 'self-1', oldPhone: self, ref: { ...seeding, key: 'proposing' } },
      replaced,
    );
}
