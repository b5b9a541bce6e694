import { atom, encodeFragment } from '../etf/index.ts';
import { type Steps, slices } from '../lib/slices.ts';
import { changeContact, isFriend, withNews } from '../protocol/contact.ts';
import { type ContactEntry, friendPlaces } from '../protocol/roster.ts';
import type { SkipRecord } from '../store/contacts.ts';
import type { Migration } from '../store/proposals.ts';
import type { Removal } from '../store/removals.ts';
import {
  type ChangeEntries,
  type Counterparty,
  counterpartiesOf,
  noticesFor,
  type Told,
} from './counterparties.ts';
import type { Context } from './handler.ts';
import type { Notice } from './outcome.ts';
import { markDeleted } from './remove.ts';

/** How many counterparties are read, changed and notified at a time. */
const batchSize = 64;

/** One thing that all contacts of a phone are to hear. */
interface Pass {
  /** Names it; never used for another. */
  readonly name: string;
  /** Whether it tells the state of the profile; a removal or a move is told twice without harm. */
  readonly isState: boolean;
  readonly counterparties: (after: string | undefined) => Steps<readonly Counterparty[]>;
  readonly change: ChangeEntries;
  /** Default: the entry as it is stored. */
  readonly told?: Told;
  /** All have heard. @returns `'changed'` if there is something newer to be heard. */
  readonly end: () => Promise<'stored' | 'changed'>;
}

/**
 * What became of a pass: `'none'`: there was nothing to tell; `'told'`: all have heard; `'newer'`: what was told has changed
 * meanwhile, and is to be told once more; `'moving'`: the profile is put aside, and may come back.
 */
export type PassEnd = 'none' | 'told' | 'newer' | 'moving';

/** Contacts that were changed together. */
export interface ToldBatch {
  readonly notices: readonly Notice[];
  /** Whether contacts are left after it. */
  readonly isMore: boolean;
  /** Whether they heard the state of the profile, so that newer news may have come before it. */
  readonly isState: boolean;
  /** To be called when the notices are published: who goes on later begins after them. */
  readonly told: () => Promise<void>;
}

/** The stores that a fan-out needs, and the layout of what they hold. */
export type FanOutStores = Pick<
  Context,
  'contacts' | 'contactLayout' | 'fanOuts' | 'migrations' | 'profiles' | 'removals'
>;

/**
 * Tell contacts of a phone one thing that they are still to hear: of its removal, of its move, or of its `update`. The profile
 * is read once. Each step may be done twice; who goes on after a crash begins where this one ended.
 * @param skip - hears of each contact whose record cannot be read or changed; it hears no notice, and the others do.
 * @returns a `'Contact'` notice for each mutual contact, in batches. The next batch is made when the one before it was published.
 */
export async function* fanOutPass(
  phone: string,
  stores: FanOutStores,
  skip: SkipRecord,
): AsyncGenerator<ToldBatch, PassEnd> {
  const { fanOuts } = stores;
  const pass = yield* nextPass(phone, stores, skip);
  if (pass === undefined) return (await fanOuts.isMoving(phone)) ? 'moving' : 'none';
  const after = await fanOuts.cursor(phone, pass.name);
  const left = await slices.run(pass.counterparties(after));
  for (let from = 0; from < left.length; from += batchSize) {
    const batch = left.slice(from, from + batchSize);
    const isMore = from + batchSize < left.length;
    const told = async () => {
      if (isMore) await fanOuts.keepCursor(phone, pass.name, batch.at(-1)?.name ?? '');
    };
    yield { notices: await noticesFor(batch, pass.change, pass.told), isMore, isState: pass.isState, told };
  }
  if (after !== undefined || left.length > batchSize) await fanOuts.dropCursor(phone);
  return (await pass.end()) === 'changed' ? 'newer' : 'told';
}

/** Whether contacts of a phone are to hear something, or are to later, when its profile comes back. */
export async function isToBeTold(phone: string, { fanOuts, migrations, removals }: FanOutStores) {
  const [isRemoved, migration, news, isMoving] = await Promise.all([
    removals.isAnswered(phone),
    migrations.find(phone),
    fanOuts.news(phone),
    fanOuts.isMoving(phone),
  ]);
  return isRemoved || Boolean(migration?.isAnswered) || news !== undefined || isMoving;
}

async function* nextPass(
  phone: string,
  stores: FanOutStores,
  skip: SkipRecord,
): AsyncGenerator<ToldBatch, Pass | undefined> {
  const { fanOuts, migrations, profiles, removals } = stores;
  const [removal, migration, news] = await Promise.all([
    removals.find(phone),
    migrations.find(phone),
    fanOuts.news(phone),
  ]);
  if (removal?.isAnswered) return removalPass(phone, removal, stores, skip);
  if (news === undefined && !migration?.isAnswered) return undefined;
  // Read after `news`, so that it is that state or a newer one.
  const profile = await profiles.read(phone);
  const friends = profile === undefined ? [] : await slices.run(friendPlaces(profile.rosters));
  if (migration?.isAnswered) return movePass(migration, friends, stores, skip);
  if (news === undefined || profile === undefined) return undefined;
  // Whose move a crash cut off is still known to contacts by the old number. The request, delivered again, ends the move.
  if (migration?.isSettled && (await fanOuts.cursor(phone, news)) === undefined)
    yield* tellAll(movePass(migration, friends, stores, skip));
  // A copy: as it was read it would keep the whole profile in memory.
  const presence = Buffer.from(profile.presence);
  const fields = { update: encodeFragment(profile.update), presence };
  return {
    name: news,
    isState: true,
    counterparties: (after) => counterpartiesOf(phone, friends, after),
    change: (batch) =>
      stores.contacts.changeAll(
        batch.map(({ place }) => place),
        (contact) => (isFriend(contact) ? withNews(contact, fields, stores.contactLayout) : undefined),
        { skip },
      ),
    end: () => fanOuts.endNews(phone, news),
  };
}

function removalPass(
  phone: string,
  { mark, entries }: Removal,
  { contacts, fanOuts }: FanOutStores,
  skip: SkipRecord,
): Pass {
  return {
    name: mark,
    isState: false,
    counterparties: (after) => counterpartiesOf(phone, entries, after),
    change: (batch) =>
      contacts.changeAll(
        batch.map(({ place }) => place),
        markDeleted,
        { cause: mark, skip },
      ),
    end: () => fanOuts.endRemoval(phone, mark),
  };
}

/** Changes the entries of a profile, which stand under the old phone, to the new one. */
function movePass(
  { from, to, claim = '' }: Migration,
  friends: readonly ContactEntry[],
  { contacts, fanOuts }: FanOutStores,
  skip: SkipRecord,
): Pass {
  return {
    name: claim,
    isState: false,
    counterparties: (after) => counterpartiesOf(from, friends, after),
    change: (batch) =>
      contacts.renameAll(
        batch.map(({ place }) => place),
        (index) => `${to}_${batch[index]?.ourRoster}`,
        { cause: claim, skip },
      ),
    // A device that keeps contacts by their `phone_id` would show both otherwise.
    told: (contact, { place }) => [
      changeContact(contact, {
        phone_id: encodeFragment(Buffer.from(place.entry.phoneId)),
        status: encodeFragment(atom('deleted')),
      }),
      contact,
    ],
    end: () => fanOuts.endMigration(to, claim),
  };
}

async function* tellAll({ counterparties, change, told }: Pass): AsyncGenerator<ToldBatch, void> {
  const keepsNone = () => Promise.resolve();
  const all = await slices.run(counterparties(undefined));
  for (let from = 0; from < all.length; from += batchSize)
    yield {
      notices: await noticesFor(all.slice(from, from + batchSize), change, told),
      isMore: true,
      isState: false,
      told: keepsNone,
    };
}
