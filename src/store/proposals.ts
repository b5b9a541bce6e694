import { uniqueId } from '../lib/unique-id.ts';
import { packRecord, placeOf, type RequestRef, unpackRecord } from './idempotency-records.ts';
import type { StoredProfile } from './profiles.ts';
import type { Database } from './redis/database.ts';
import { inOrder } from './redis/in-order.ts';
import { withRetry } from './redis/retry.ts';

/** A migration that was proposed and not yet ended. */
export interface Migration {
  /** The old phone. */
  readonly from: string;
  /** The new phone. */
  readonly to: string;
  /** Under which name it is being carried out; `undefined` while it only waits to be confirmed. */
  readonly claim: string | undefined;
  /** Whether the profile is the new phone's by now; others may still have to be notified. */
  readonly isSettled: boolean;
  /** Whether the request that confirmed it is answered. */
  readonly isAnswered: boolean;
}

/** Who proposes a migration. */
export interface Proposer {
  readonly client: string;
  readonly oldPhone: string;
  /** The request, which names the new phone. Its record is written with the last step. */
  readonly ref: RequestRef;
}

/** Which proposal a client confirms. */
export interface Meant {
  readonly client: string;
  /** The old phone that the request names; `undefined` where it names none. */
  readonly named: string | undefined;
}

/** For so long a proposal waits to be confirmed. */
export const pendingSeconds = 24 * 60 * 60;

/** So many old phones are listed at a new one. */
export const maxListed = 32;

type Fields = Readonly<Record<string, string>>;

/**
 * Proposals of old phones to move to new ones. An old phone has one, kept with the old phone: that decides where it
 * moves. The new phone lists those that ask for it, and each client's last proposal is kept with the client: both only
 * say where to look.
 *
 * Proposals of strangers stand beside the owner's, and are never taken for it. The list is bounded; once it is known that
 * it misses one, nobody is "the only one" until those that are missing have lapsed.
 * @see docs/protocol.md, "phone"
 */
export function openProposals(redis: Database, doneSeconds: number) {
  const { connection, keys } = redis;

  const read = (newPhone: string): Promise<Fields> =>
    withRetry(() => connection.hgetall(keys.migration(newPhone)));

  const list = async ({ oldPhone, ref }: Proposer): Promise<'stored' | 'done'> => {
    const { phone: newPhone, key, record, deadline } = ref;
    const done = placeOf(keys, newPhone, key);
    const own = [keys.migration(newPhone), done.key];
    const kept = [done.field, packRecord(`migration ${oldPhone}`), packRecord(record)];
    const entry = [oldPhone, uniqueId(), pendingSeconds, doneSeconds, maxListed];
    const propose = (stale: string) =>
      redis.run('propose-migration', own, [...entry, stale, ...kept], deadline);
    const answer = await propose('');
    if (answer !== 'full') return answer;
    const listed = Object.entries(await read(newPhone)).filter(([field]) => isPhone(field));
    const stale = await without(listed, ([old]) => stands(redis, old, newPhone));
    return (await propose(JSON.stringify(stale))) === 'done' ? 'done' : 'stored';
  };

  return {
    /**
     * Remember for 24 hours that a phone asks to move; the last request of an old phone counts.
     * @param replaced - what stands at the new phone, and may be replaced.
     * @returns `'changed'` if something else stands there; `'busy'` if another migration to that phone is being carried out;
     *   `'not_found'` if there is no profile to move; `'done'` if another worker did this request meanwhile.
     */
    async ask(
      proposer: Proposer,
      replaced: StoredProfile | undefined,
    ): Promise<'stored' | 'changed' | 'busy' | 'not_found' | 'done'> {
      const { client, oldPhone, ref } = proposer;
      const newPhone = ref.phone;
      const [answer, profiles, before] = await Promise.all([
        look(redis, ref, replaced?.version ?? ''),
        withRetry(() => connection.exists(keys.profile(oldPhone))),
        listedBefore(redis, oldPhone, newPhone),
      ]);
      // What is refused leaves an earlier proposal as it is.
      if (answer !== 'stored') return answer;
      if (profiles === 0) return 'not_found';
      const places = [keys.profile(oldPhone), keys.migrating(oldPhone)];
      const [wanted] = await Promise.all([
        redis.run('set-migration', places, [newPhone, pendingSeconds], ref.deadline),
        withRetry(
          () => connection.set(keys.proposal(client), `${oldPhone} ${newPhone}`, 'EX', pendingSeconds),
          'propose',
          ref.deadline,
        ),
      ]);
      if (wanted === 'not_found') return wanted;
      // What a crash leaves on the list before counts no more, and lapses.
      const [listed] = await Promise.all([
        list(proposer),
        before && redis.run('withdraw-proposal', [before.list], [oldPhone, before.name]),
      ]);
      return listed;
    },
    /** The migration to a phone that is being carried out. */
    find: async (newPhone: string): Promise<Migration | undefined> =>
      underWay(newPhone, await read(newPhone)),
    /**
     * The migration that a client of the new phone confirms: the one that is being carried out; else the one that it names;
     * else the one that it proposed; else the only one.
     * @returns `'busy'` if it names another one than is being carried out; `undefined` if there is none, or it is not clear.
     */
    async choose(newPhone: string, { client, named }: Meant): Promise<Migration | 'busy' | undefined> {
      const [fields, own] = await Promise.all([
        read(newPhone),
        withRetry(() => connection.get(keys.proposal(client))),
      ]);
      const migration = underWay(newPhone, fields);
      if (migration !== undefined)
        return named === undefined || named === migration.from ? migration : 'busy';
      const candidates = candidatesIn(fields, named ?? oldPhoneIn(own, newPhone));
      const stale = await without(candidates, (old) => stands(redis, old, newPhone));
      const [from, ...others] = candidates.filter((old) => !stale.includes(old));
      if (from === undefined || others.length > 0) return undefined;
      return { from, to: newPhone, claim: undefined, isSettled: false, isAnswered: false };
    },
  };
}

/** Whether an old phone still asks for this one. */
async function stands({ connection, keys }: Database, old: string, newPhone: string): Promise<boolean> {
  const [to, profiles] = await Promise.all([
    withRetry(() => connection.get(keys.migrating(old))),
    withRetry(() => connection.exists(keys.profile(old))),
  ]);
  return to === newPhone && profiles === 1;
}

/**
 * Where an old phone is listed that is about to ask for another number. Read before it asks: an entry that it makes there
 * afterwards has another name, and stays.
 */
async function listedBefore({ connection, keys }: Database, oldPhone: string, newPhone: string) {
  const to = await withRetry(() => connection.get(keys.migrating(oldPhone)));
  if (to === null || to === newPhone) return undefined;
  const list = keys.migration(to);
  const name = await withRetry(() => connection.hget(list, oldPhone));
  return name === null ? undefined : { list, name };
}

/**
 * Whether a phone may be asked for: its profile is the one that was read, and was so when the claim was read. A worker that was
 * frozen finds here that another one has done its request, before it puts this proposal over a later one.
 */
async function look(
  { connection, keys }: Database,
  { phone, key, record }: RequestRef,
  version: string,
): Promise<'stored' | 'busy' | 'changed' | 'done'> {
  const profile = keys.profile(phone);
  const done = placeOf(keys, phone, key);
  const [before, claim, kept, after] = await withRetry(() =>
    inOrder<Buffer | null>(
      connection
        .pipeline()
        .hgetBuffer(profile, 'version')
        .hgetBuffer(keys.migration(phone), 'claim')
        .hgetBuffer(done.key, done.field)
        .hgetBuffer(profile, 'version'),
    ),
  );
  if (unpackRecord(kept) !== record) return 'done';
  if (claim) return 'busy';
  const isSame = [before, after].every((each) => (each?.toString('latin1') ?? '') === version);
  return isSame ? 'stored' : 'changed';
}

function underWay(to: string, { from, claim, settled, answered }: Fields): Migration | undefined {
  if (from === undefined || claim === undefined) return undefined;
  return { from, to, claim, isSettled: settled !== undefined, isAnswered: answered !== undefined };
}

/**
 * The old phones that may be meant. Where the new phone has left or was removed since, its list is gone, and what was
 * listed there counts no more.
 * @param meant - the one that is named, or was proposed by the client itself.
 */
function candidatesIn(fields: Fields, meant: string | undefined): string[] {
  const { from, more } = fields;
  const mayMissOne = Number(more ?? 0) > Date.now();
  // A worker of the version before keeps the last one only, in `from`.
  const listed = new Set([...Object.keys(fields).filter(isPhone), ...(from === undefined ? [] : [from])]);
  if (meant !== undefined) return mayMissOne || listed.has(meant) ? [meant] : [];
  return mayMissOne ? [] : [...listed];
}

/** @param proposal - `<old phone> <new phone>`, as it is kept with a client. */
function oldPhoneIn(proposal: string | null, newPhone: string): string | undefined {
  const [old, to] = proposal?.split(' ') ?? [];
  return to === newPhone ? old : undefined;
}

const isPhone = (field: string): boolean => /^\d+$/.test(field);

/** Those of which something does not hold. */
async function without<T>(items: readonly T[], holds: (item: T) => Promise<boolean>): Promise<T[]> {
  const answers = await Promise.all(items.map(holds));
  return items.filter((_, index) => !answers[index]);
}
