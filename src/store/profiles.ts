import type { Fragment } from '../etf/index.ts';
import { type Done, KeyedQueue } from '../lib/keyed-queue.ts';
import { type Steps, slices } from '../lib/slices.ts';
import { uniqueId } from '../lib/unique-id.ts';
import { writeList } from '../protocol/list.ts';
import type { ProfileFields } from '../protocol/profile.ts';
import type { Roster } from '../protocol/roster.ts';
import { contactField } from './contacts.ts';
import { newRecord, packRecord, placeOf, type RequestRef } from './idempotency-records.ts';
import type { Keys } from './keys.ts';
import { type BatchedReads, bytesOf, type Value } from './redis/batched-reads.ts';
import type { Database } from './redis/database.ts';
import { packWords } from './redis/message-pack.ts';
import { scanKeys } from './redis/scan-keys.ts';
import type { ScriptArgument } from './redis/scripts.ts';
import { emptyFields, type StoredProfile, sizeOf, UnreadProfile, unpackProfile } from './stored-profile.ts';
import { untilUnchanged } from './until-unchanged.ts';
import { codeFields, codeLifetimeSeconds, type MailedCode } from './verifications.ts';
import { WholeProfiles } from './whole-profiles.ts';

export type { StoredProfile } from './stored-profile.ts';

/** The fields that a request changes; `rosters` come with their contacts. */
export type ProfileChange = Partial<Omit<ProfileFields, 'rosters'>> & {
  readonly rosters?: readonly Roster[];
  /** A code that was mailed, to be kept in the same step. */
  readonly code?: MailedCode;
  /** The contacts are to hear of the new state. What says so is written in the same step (`fan-outs.ts`). */
  readonly news?: true;
};

/**
 * The profiles, each a hash of ready ETF fragments.
 *
 * Fields: `version` (names the state), `update` (Unix milliseconds in digits), `balance`, `presence`, `settings`, `services`,
 * `outlines` (the rosters with `phone_id`s for contacts), `news` (names what contacts are still to hear of), and `rosters` (the rosters joined with their contacts; missing
 * after a contact has changed, until the next reader joins them).
 * @see docs/architecture.md, "Profiles in Redis"
 */
export type Profiles = ReturnType<typeof openProfiles>;

/** A profile that was read together with something else; a promise where its rosters are just joined. */
type UnpackedProfile = StoredProfile | UnreadProfile | Promise<StoredProfile | undefined> | undefined;

/**
 * @param doneSeconds - for so long it is known that a request is done.
 * @param maxBytes - how large a change may make a profile: its services, settings and rosters, contacts included.
 */
export function openProfiles(
  redis: Database,
  reads: BatchedReads,
  doneSeconds: number,
  maxBytes = Number.POSITIVE_INFINITY,
) {
  const { keys } = redis;
  const changes = new KeyedQueue<StoredProfile>();
  const whole = new WholeProfiles(redis);
  const unpack = (phone: string, packed: Value | undefined): UnpackedProfile => {
    if (typeof packed === 'number' && packed > 0) return new UnreadProfile(packed, () => whole.read(phone));
    const bytes = bytesOf(packed);
    if (bytes === undefined) return undefined;
    return unpackProfile(bytes) ?? whole.join(phone);
  };

  const read = (phone: string): Promise<StoredProfile | undefined> =>
    reads.read('p', [keys.profile(phone)], (values, at) => {
      const profile = unpack(phone, values[at]);
      return profile instanceof UnreadProfile ? profile.read() : profile;
    });

  return {
    /** The profile of a phone, in one round trip unless its rosters are large, or must be joined again. */
    read,
    /** The profile of a phone as it was read together with something else. */
    unpack,
    /**
     * Change a profile, or make one, as one step: `decide` sees the stored state, and is asked again if somebody else
     * changed it meanwhile. A word that it returns instead of a change is returned, and nothing is written. The quota is
     * compared with what the change makes of the very state that it is written on, so two changes cannot pass it together.
     * @param first - the profile as it was read with the request.
     * @param word - recorded in the same step as what became of the request.
     * @returns the profile as stored; `'too_large'` beyond the quota; `'not_authorized'` when a new one is asked for by a session that is just ending or moving;
     *   `'done'` when another worker has decided the request meanwhile.
     */
    change<Refused extends string>(
      { phone, key, record, deadline }: RequestRef,
      first: StoredProfile | undefined,
      word: string,
      decide: (
        profile: StoredProfile | undefined,
      ) => ProfileChange | Refused | Promise<ProfileChange | Refused>,
    ): Promise<Changed<Refused>> {
      const done = placeOf(keys, phone, key);
      const own = commitKeys(keys, phone, done.key);
      const attempt = async (
        profile: StoredProfile | undefined,
      ): Promise<Done<Changed<Refused>, StoredProfile> | 'changed'> => {
        const decided = decide(profile);
        const change = decided instanceof Promise ? await decided : decided;
        if (typeof change === 'string') return { result: change };
        if (profile !== undefined && Object.keys(change).length === 0) return { result: profile };
        const next = changed(profile ?? emptyFields, change, uniqueId());
        if (sizeOf(next) > roomFor(profile, maxBytes)) return { result: 'too_large' };
        const packing = commitArguments(change, next, profile === undefined);
        const args: ScriptArgument[] = packing instanceof Promise ? await packing : packing;
        const written = [done.field, packRecord(record), packRecord(newRecord(word, next.version))];
        const all = [profile?.version ?? '', next.version, ...written, doneSeconds, ...args];
        const answer = await redis.run('commit-profile', own, all, deadline);
        if (answer === 'stored') return { result: next, left: next };
        if (answer === 'changed') return answer;
        return { result: answer === 'leaving' ? 'not_authorized' : answer };
      };
      // Many at once would each be decided, and their profile read, as often as others have come before them.
      return changes.run(phone, (before) => untilUnchanged(before ?? first, () => read(phone), attempt));
    },
    /** Whether a profile would be beyond the quota with these services. */
    isTooLargeWith: (before: StoredProfile | undefined, services: Fragment): boolean =>
      sizeOf({ ...(before ?? emptyFields), services }) > roomFor(before, maxBytes),
    phones: () => phonesIn(redis),
    /** Take a profile back that the request has made. @returns `'changed'` if another request has built on it since. */
    drop({ phone, key }: RequestRef, { version }: StoredProfile) {
      const done = placeOf(keys, phone, key);
      const own = [keys.profile(phone), keys.contacts(phone), keys.verify(phone), done.key];
      return redis.run('drop-profile', own, [version, done.field]);
    },
  };
}

/** The phones that have a profile, by batches; one may come twice. For a person who looks: it walks through every key. */
async function* phonesIn({ connection, keys }: Database): AsyncGenerator<string[]> {
  const start = keys.profile('').slice(0, -1);
  for await (const batch of scanKeys(connection, start))
    yield batch.map((key) => key.slice(start.length, -1));
}

type Changed<Refused> = StoredProfile | Refused | 'too_large' | 'not_authorized' | 'done';

/** The keys of `commit-profile`. */
function commitKeys(keys: Keys, phone: string, done: string): string[] {
  return [
    keys.profile(phone),
    keys.contacts(phone),
    keys.verify(phone),
    done,
    keys.removal(phone),
    keys.leaving(phone),
  ];
}

/** Field by field, since V8 takes many times as long over a spread, and keeps what it makes. */
function changed(before: ProfileFields, change: ProfileChange, version: string): StoredProfile {
  return {
    services: change.services ?? before.services,
    rosters: change.rosters === undefined ? before.rosters : writeList(change.rosters),
    settings: change.settings ?? before.settings,
    update: change.update ?? before.update,
    balance: change.balance ?? before.balance,
    presence: change.presence ?? before.presence,
    version,
  };
}

const ownFields = ['services', 'settings', 'update', 'balance', 'presence'] as const;

/** The arguments of `commit-profile` from the seventh on: what changes, or all of a profile that is new. */
function commitArguments(
  change: ProfileChange,
  next: StoredProfile,
  isNew: boolean,
): ScriptArgument[] | Promise<ScriptArgument[]> {
  const fields: ScriptArgument[] = [];
  for (const name of ownFields) if (isNew || change[name] !== undefined) fields.push(name, next[name]);
  if (change.news) fields.push('news', next.version);
  const rosters = change.rosters ?? (isNew ? [] : undefined);
  if (rosters !== undefined) {
    fields.push('outlines', writeList(rosters.map(({ skeleton }) => ({ fragment: skeleton }))));
    fields.push('rosters', next.rosters);
  }
  const codes = change.code === undefined ? [] : codeFields(change.code);
  const withContacts = (contacts: ScriptArgument): ScriptArgument[] => [
    fields.length,
    codes.length,
    codeLifetimeSeconds,
    contacts,
    ...fields,
    ...codes,
  ];
  if (rosters === undefined) return withContacts('');
  const packing = slices.run(packContacts(rosters));
  return packing instanceof Promise ? packing.then(withContacts) : withContacts(packing);
}

function* packContacts(rosters: readonly Roster[]): Steps<Buffer> {
  const words: ScriptArgument[] = [];
  for (const { id = '', contacts } of rosters)
    for (const { phoneId, fragment } of contacts)
      if (words.push(contactField({ roster: id, phoneId }), fragment) % wordsInStep === 0) yield;
  return packWords(words);
}

const wordsInStep = 512;

/** How large a profile may become: one that is beyond its quota already may become smaller. */
function roomFor(before: ProfileFields = emptyFields, quota: number): number {
  return Math.max(quota, sizeOf(before));
}
