import { setTimeout as sleep } from 'node:timers/promises';
import { atom, encodeFragment } from '../etf/index.ts';
import { changeContact, isFriend, withNews } from '../protocol/contact.ts';
import { type ContactEntry, friendPlaces } from '../protocol/roster.ts';
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

/** So many batches go before others have their turn. */
const sliceBatches = 8;

/** One thing that all contacts of a phone are to hear. */
interface Pass {
  /** Names it; never used for another. */
  readonly name: string;
  readonly counterparties: (after: string | undefined) => readonly Counterparty[];
  readonly change: ChangeEntries;
  /** Default: the entry as it is stored. */
  readonly told?: Told;
  /** All have heard. @returns `'changed'` if there is something newer to be heard. */
  readonly end: () => Promise<'stored' | 'changed'>;
}

/**
 * What became of a slice: `'none'`: there was nothing to tell; `'more'`: there may be more; `'newer'`: what was told has
 * changed meanwhile, and is to be told once more; `'moving'`: the profile is put aside, and may come back.
 */
export type SliceEnd = 'none' | 'more' | 'newer' | 'moving';

/** The stores that a fan-out needs, and the layout of what they hold. */
export type FanOutStores = Pick<
  Context,
  'contacts' | 'contactLayout' | 'fanOuts' | 'migrations' | 'profiles' | 'removals'
>;

/**
 * Tell contacts of a phone what they are still to hear, some hundreds of them: of its removal, of its move, of its `update`.
 * Each step may be done twice; the next slice goes on where this one ended, on whatever worker.
 * @returns a `'Contact'` notice for each mutual contact, in batches. The next batch is made when the one before it was published.
 */
export async function* fanOutSlice(
  phone: string,
  stores: FanOutStores,
): AsyncGenerator<readonly Notice[], SliceEnd> {
  const { fanOuts } = stores;
  const pass = yield* nextPass(phone, stores);
  if (pass === undefined) return (await fanOuts.isMoving(phone)) ? 'moving' : 'none';
  const left = pass.counterparties(await fanOuts.cursor(phone, pass.name));
  const slice = left.slice(0, sliceBatches * batchSize);
  for (let from = 0; from < slice.length; from += batchSize) {
    const began = performance.now();
    const batch = slice.slice(from, from + batchSize);
    yield await noticesFor(batch, pass.change, pass.told);
    await fanOuts.keepCursor(phone, pass.name, batch.at(-1)?.name ?? '');
    // Others get twice as much of the worker, the broker and Redis.
    if (from + batchSize < slice.length) await sleep(2 * (performance.now() - began));
  }
  if (slice.length < left.length) return 'more';
  await fanOuts.dropCursor(phone);
  return (await pass.end()) === 'changed' ? 'newer' : 'more';
}

async function* nextPass(
  phone: string,
  stores: FanOutStores,
): AsyncGenerator<readonly Notice[], Pass | undefined> {
  const { fanOuts, migrations, profiles, removals } = stores;
  const [removal, migration, news] = await Promise.all([
    removals.find(phone),
    migrations.find(phone),
    fanOuts.news(phone),
  ]);
  if (removal?.isAnswered) return removalPass(phone, removal, stores);
  if (news === undefined && !migration?.isAnswered) return undefined;
  // Read after `news`, so that it is that state or a newer one.
  const profile = await profiles.read(phone);
  const friends = profile === undefined ? [] : friendPlaces(profile.rosters);
  if (migration?.isAnswered) return movePass(migration, friends, stores);
  if (news === undefined || profile === undefined) return undefined;
  // Whose move a crash cut off is still known to contacts by the old number. The request, delivered again, ends the move.
  if (migration?.isSettled && (await fanOuts.cursor(phone, news)) === undefined)
    yield* tellAll(movePass(migration, friends, stores));
  const fields = { update: encodeFragment(profile.update), presence: profile.presence };
  return {
    name: news,
    counterparties: (after) => counterpartiesOf(phone, friends, after),
    change: (batch) =>
      stores.contacts.changeAll(
        batch.map(({ place }) => place),
        (contact) => (isFriend(contact) ? withNews(contact, fields, stores.contactLayout) : undefined),
      ),
    end: () => fanOuts.endNews(phone, news),
  };
}

function removalPass(phone: string, { mark, entries }: Removal, { contacts, fanOuts }: FanOutStores): Pass {
  return {
    name: mark,
    counterparties: (after) => counterpartiesOf(phone, entries, after),
    change: (batch) =>
      contacts.changeAll(
        batch.map(({ place }) => place),
        markDeleted,
        mark,
      ),
    end: () => fanOuts.endRemoval(phone, mark),
  };
}

/** Changes the entries of a profile, which stand under the old phone, to the new one. */
function movePass(
  { from, to, claim = '' }: Migration,
  friends: readonly ContactEntry[],
  { contacts, fanOuts }: FanOutStores,
): Pass {
  return {
    name: claim,
    counterparties: (after) => counterpartiesOf(from, friends, after),
    change: (batch) =>
      contacts.renameAll(
        batch.map(({ place }) => place),
        (index) => `${to}_${batch[index]?.ourRoster}`,
        claim,
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

async function* tellAll({ counterparties, change, told }: Pass): AsyncGenerator<readonly Notice[], void> {
  const all = counterparties(undefined);
  for (let from = 0; from < all.length; from += batchSize)
    yield await noticesFor(all.slice(from, from + batchSize), change, told);
}
