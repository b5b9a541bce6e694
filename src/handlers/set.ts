import type { Fragment } from '../etf/index.ts';
import { type Steps, slices } from '../lib/slices.ts';
import type { ContactLayout } from '../protocol/contact.ts';
import { type Feature, mergeFeatures, readFeaturesInSteps } from '../protocol/feature.ts';
import { canonical, isInteger, isUnset, unset } from '../protocol/fields.ts';
import { writeList } from '../protocol/list.ts';
import { readPresence } from '../protocol/presence.ts';
import type { SentProfile } from '../protocol/profile.ts';
import { type Roster, readRostersInSteps, resolveReferences } from '../protocol/roster.ts';
import { mergeServices, readServicesInSteps, replaceVoxServices, type Service } from '../protocol/service.ts';
import type { ProfileChange, StoredProfile } from '../store/profiles.ts';
import { SERVICE } from '../store/sessions.ts';
import type { RecordedHandler } from './handler.ts';
import { answerProfile, answerStored, type RecordedRequest, refuse, refuseOrReplay } from './outcome.ts';
import { changeOwnProfile } from './own-profile.ts';

/**
 * `set`: create the profile, or replace in it what the client owns: `settings`, `presence`, `rosters`, `vox` services.
 *
 * A field sent as `[]` stays as it is, and so does a stored roster that an integer names. `balance`, `update`, `email` and
 * `aws` services are the server's: what a client sends there is ignored. A trusted service owns `balance` and `email`
 * services too: its services are merged into the stored ones, by type and id.
 * Answers `{'Profile',…,set}` as stored, `update` the server's time.
 * Refuses `invalid_data` for a field of the wrong shape, and when the merged settings are too large; `too_large` beyond the
 *         profile's quota; nothing changes then. `not_authorized` if the profile is just being removed, or moves to another
 *         phone; to a service `busy`. `too_many_requests` if the client is in debt, and stored bytes are to be written again.
 * @see docs/protocol.md, "set"
 */
export const set: RecordedHandler = {
  async handle(request, context) {
    const { sent } = request;
    const isService = request.sessionPhone === SERVICE;
    const reading = slices.run(readOwned(sent, context.contactLayout, isService));
    const owned = reading instanceof Promise ? await reading : reading;
    if (owned === 'invalid_data') return refuse(owned);
    const profile = await changeOwnProfile(request, context, 'ok', (before) =>
      slices.run(changeOwned(owned, before, request)),
    );
    if (isService && profile === 'not_authorized') return refuse('busy');
    return typeof profile === 'string' ? refuseOrReplay(profile) : answerProfile(sent, profile);
  },
  replay: answerStored,
};

/** Settings are merged, so without a bound a client could add to them for ever. */
const maxSettingsBytes = 262_144;

/** What the client sent of that which it owns. */
interface Owned {
  /** Whether a trusted service sent it. */
  readonly isService: boolean;
  readonly balance: Fragment | undefined;
  readonly presence: Fragment | undefined;
  readonly settings: readonly Feature[];
  readonly services: readonly Service[] | undefined;
  readonly rosters: readonly Roster[] | undefined;
}

/** Read all fields before any is stored; a field that is not set is left out. */
function* readOwned(
  sent: SentProfile,
  layout: ContactLayout,
  isService: boolean,
): Steps<Owned | 'invalid_data'> {
  const presence = readPresence(sent.presence);
  if (presence === 'invalid_data') return presence;
  const settings = yield* readFeaturesInSteps(sent.settings);
  const services = yield* readServicesInSteps(sent.services);
  const rosters = yield* readRostersInSteps(sent.rosters, layout);
  if (settings === undefined || services === undefined || rosters === undefined) return 'invalid_data';
  const balance = isService && !isUnset(sent.balance) ? canonical(sent.balance) : undefined;
  if (balance !== undefined && !isInteger(balance)) return 'invalid_data';
  // A service without a type is nobody's; what a phone sends of others is ignored.
  if (isService && services.some(({ type }) => type === undefined)) return 'invalid_data';
  return {
    isService,
    balance,
    presence,
    settings,
    services: isUnset(sent.services) ? undefined : services,
    rosters: isUnset(sent.rosters) ? undefined : rosters,
  };
}

function* changeOwned(
  owned: Owned,
  stored: StoredProfile | undefined,
  { sent, admitToRewrite }: Pick<RecordedRequest, 'sent' | 'admitToRewrite'>,
): Steps<ProfileChange | 'invalid_data' | 'too_many_requests'> {
  const settings = owned.settings.length ? yield* mergedSettings(owned.settings, stored) : undefined;
  if (settings !== undefined && settings.length > maxSettingsBytes) return 'invalid_data';
  const services = owned.services && (yield* mergedServices(owned, owned.services, stored));
  const rosters = owned.rosters && (yield* resolveReferences(owned.rosters, stored?.rosters ?? unset));
  const rewritten =
    bytesBeyond(settings, sent.settings) +
    bytesBeyond(services, sent.services) +
    referredBytes(owned, rosters);
  if (!admitToRewrite(rewritten)) return 'too_many_requests';
  return {
    update: Date.now(),
    ...(owned.balance && { balance: owned.balance }),
    ...(owned.presence && { presence: owned.presence }),
    ...(settings && { settings }),
    ...(services && { services }),
    ...(rosters && { rosters }),
  };
}

/** What is written of a merged field without being sent, in bytes. */
function bytesBeyond(merged: Fragment | undefined, sent: Fragment): number {
  return merged === undefined ? 0 : Math.max(0, merged.length - sent.length);
}

/** What is written of rosters that were sent as references, in bytes. */
function referredBytes({ rosters }: Owned, resolved: readonly Roster[] | undefined): number {
  let bytes = 0;
  for (const [index, { fragment }] of resolved?.entries() ?? [])
    if (rosters?.[index]?.reference !== undefined) bytes += fragment.length;
  return bytes;
}

function* mergedSettings(sent: readonly Feature[], stored: StoredProfile | undefined): Steps<Fragment> {
  const before = yield* readFeaturesInSteps(stored?.settings ?? unset);
  return writeList(mergeFeatures(before ?? [], sent));
}

function* mergedServices(
  { isService }: Owned,
  sent: readonly Service[],
  stored: StoredProfile | undefined,
): Steps<Fragment> {
  const before = yield* readServicesInSteps(stored?.services ?? unset);
  return writeList(
    isService ? yield* mergeServices(before ?? [], sent) : replaceVoxServices(before ?? [], sent),
  );
}
