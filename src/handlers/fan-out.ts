import { atom, encodeFragment } from '../etf/index.ts';
import { type Steps, slices } from '../lib/slices.ts';
import { changeContact, isFriend, withNews } from '../protocol/contact.ts';
import { type ContactEntry, friendPlaces } from '../protocol/roster.ts';
import type { SkipRecord } from '../store/contacts.ts';
import type { Migration } from '../store/proposals.ts';
import type { Removal } from '../store/removals.ts';
import { type Changes, type Counterparty, counterpartiesOf } from './counterparties.ts';
import { type Group, inGroups } from './groups.ts';
import type { Context } from './handler.ts';
import { markDeleted } from './remove.ts';

const placesOf = (batch: readonly Counterparty[]) => batch.map(({ place }) => place);

/** One thing that all contacts of a phone are to hear. */
interface Pass extends Changes {
  /** Names it; never used for another. */
  readonly name: string;
  /** Whether it tells the state of the profile; a removal or a move is told twice without harm. */
  readonly isState: boolean;
  readonly counterparties: (after: string | undefined) => Steps<readonly Counterparty[]>;
  /** All have heard. @returns `'changed'` if there is something newer to be heard. */
  readonly end: () => Promise<'stored' | 'changed'>;
}

/**
 * What became of a pass: `'none'`: there was nothing to tell; `'told'`: all have heard; `'newer'`: what was told has changed
 * meanwhile, and is to be told once more; `'moving'`: the profile is put aside, and may come back.
 */
export type PassEnd = 'none' | 'told' | 'newer' | 'moving';

/** Contacts that are changed together, by `notices`. */
export interface ToldGroup extends Pick<Group, 'bytes' | 'notices' | 'isMore'> {
  /** Whether they heard the state of the profile, so that newer news may have come before it. */
  readonly isState: boolean;
  /** To be called when the notices are published: who goes on later begins after them. */
  readonly told: () => Promise<void>;
}

/** The stores that a fan-out needs, and the layout of what they hold. */
export type FanOutStores = Pick<
  Context,
  'contacts' | 'contactLayout' | 'contactSizes' | 'fanOuts' | 'migrations' | 'profiles' | 'removals'
>;

/**
 * Tell contacts of a phone one thing that they are still to hear: of its removal, of its move, or of its `update`. The profile
 * is read once. Each step may be done twice; who goes on after a crash begins where this one ended.
 * @param skip - hears of each contact whose record cannot be read or changed; it hears no notice, and the others do.
 * @returns a `'Contact'` notice for each mutual contact, in groups. The next one begins when the one before it was published.
 */
export async function* fanOutPass(
  phone: string,
  stores: FanOutStores,
  skip: SkipRecord,
): AsyncGenerator<ToldGroup, PassEnd> {
  const { fanOuts } = stores;
  const pass = yield* nextPass(phone, stores, skip);
  if (pass === undefined) return (await fanOuts.isMoving(phone)) ? 'moving' : 'none';
  const after = await fanOuts.cursor(phone, pass.name);
  const left = await slices.run(pass.counterparties(after));
  let hasCursor = after !== undefined;
  for await (const { bytes, notices, last, isMore } of inGroups(left, pass)) {
    hasCursor ||= isMore;
    const told = async () => {
      if (isMore) await fanOuts.keepCursor(phone, pass.name, last);
    };
    yield { bytes, notices, isMore, isState: pass.isState, told };
  }
  if (hasCursor) await fanOuts.dropCursor(phone);
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
): AsyncGenerator<ToldGroup, Pass | undefined> {
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
        placesOf(batch),
        (contact) => (isFriend(contact) ? withNews(contact, fields, stores.contactLayout) : undefined),
        { skip },
      ),
    sizes: (batch) => stores.contactSizes.ofChanges(placesOf(batch)),
    end: () => fanOuts.endNews(phone, news),
  };
}

function removalPass(
  phone: string,
  { mark, entries }: Removal,
  { contacts, contactSizes, fanOuts }: FanOutStores,
  skip: SkipRecord,
): Pass {
  return {
    name: mark,
    isState: false,
    counterparties: (after) => counterpartiesOf(phone, entries, after),
    change: (batch) => contacts.changeAll(placesOf(batch), markDeleted, { cause: mark, skip }),
    sizes: (batch) => contactSizes.ofChanges(placesOf(batch)),
    end: () => fanOuts.endRemoval(phone, mark),
  };
}

/** Changes the entries of a profile, which stand under the old phone, to the new one. */
function movePass(
  { from, to, claim = '' }: Migration,
  friends: readonly ContactEntry[],
  { contacts, contactSizes, fanOuts }: FanOutStores,
  skip: SkipRecord,
): Pass {
  const newPhoneIdOf = (batch: readonly Counterparty[]) => (index: number) =>
    `${to}_${batch[index]?.ourRoster}`;
  return {
    name: claim,
    isState: false,
    counterparties: (after) => counterpartiesOf(from, friends, after),
    change: (batch) => contacts.renameAll(placesOf(batch), newPhoneIdOf(batch), { cause: claim, skip }),
    sizes: (batch) => contactSizes.ofRenames(placesOf(batch), newPhoneIdOf(batch)),
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

async function* tellAll(pass: Pass): AsyncGenerator<ToldGroup, void> {
  const keepsNone = () => Promise.resolve();
  const all = await slices.run(pass.counterparties(undefined));
  for await (const { bytes, notices } of inGroups(all, pass))
    yield { bytes, notices, isMore: true, isState: false, told: keepsNone };
}
