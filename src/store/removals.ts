import type { Fragment } from '../etf/index.ts';
import { type Steps, slices } from '../lib/slices.ts';
import { uniqueId } from '../lib/unique-id.ts';
import { type ContactEntry, contactEntries, placesOutlivingRemoval } from '../protocol/roster.ts';
import { contactField, earlierField } from './contacts.ts';
import { packRecord, placeOf, type RequestRef } from './idempotency-records.ts';
import type { StoredProfile } from './profiles.ts';
import type { Database } from './redis/database.ts';
import { withRetry } from './redis/retry.ts';

/** A phone that is being removed: whom to tell. */
export interface Removal {
  /** The key of the request that began it; `''` where a worker of an earlier version did. */
  readonly request: string;
  /** The mark of the sessions that go with it. */
  readonly mark: string;
  /** The clients that had an active session when it began. */
  readonly clients: readonly string[];
  /** Where those of its contacts stood that hear of the removal. */
  readonly entries: readonly ContactEntry[];
  /** Whether those sessions have ended. A client with a session of the phone has signed in anew then. */
  readonly hasEndedSessions: boolean;
  /** Whether its clients have the answer. Its contacts hear of it after that. */
  readonly isAnswered: boolean;
}

/**
 * A removal that nobody takes up again is forgotten after 30 days, or when no broker can deliver its request any more. It is
 * longer than records are kept: Mosquitto 2.0 counts no time in which it is down.
 */
const removalSeconds = 30 * 24 * 60 * 60;

const removalFields = ['clients', 'outlines', 'ended', 'mark', 'silent', 'answered', 'request'] as const;

/** Removing a phone: what it had is gone in one step; telling the others can be taken up again after a crash. */
export function openRemovals(redis: Database, doneSeconds: number) {
  const { connection, keys } = redis;

  const find = async (phone: string): Promise<Removal | undefined> => {
    const [clients, skeletons, ended, mark, silent, answered, request] = await withRetry(() =>
      connection.hmgetBuffer(keys.removal(phone), ...removalFields),
    );
    if (!clients) return undefined;
    const silentFields = silent ? (JSON.parse(silent.toString()) as string[]) : [];
    return {
      request: request?.toString('latin1') ?? '',
      mark: mark?.toString('latin1') ?? '',
      clients: JSON.parse(clients.toString()) as string[],
      entries: skeletons?.length ? await slices.run(entriesThatHear(skeletons, silentFields)) : [],
      hasEndedSessions: Boolean(ended),
      isAnswered: Boolean(answered),
    };
  };

  return {
    /** A removal that has begun and not ended. */
    find,
    /** Whether one has begun whose clients have the answer: what is left is to notify the contacts. */
    async isAnswered(phone: string): Promise<boolean> {
      return Boolean(await withRetry(() => connection.hget(keys.removal(phone), 'answered')));
    },
    /** A mark for the sessions of a phone that is about to be removed. */
    newMark: uniqueId,
    /**
     * The record that the request is done is kept in the same step.
     * @param mark - never used before; the sessions of these clients have it.
     * @returns `'changed'` if the phone has a session of another client by now, or another profile; `'busy'` while another profile is just
     *   moving to the phone; `'done'` when another worker has decided the request; `undefined` when that one has ended it.
     */
    async begin(
      { phone, key, record, deadline }: RequestRef,
      stored: StoredProfile,
      clients: readonly string[],
      mark: string,
    ): Promise<Removal | 'changed' | 'not_found' | 'busy' | 'done' | undefined> {
      const migration = keys.migration(phone);
      const done = placeOf(keys, phone, key);
      const own = [keys.profile(phone), keys.removal(phone), done.key, migration, keys.sessions(phone)];
      const others = keys.ofPhone(phone).filter((each) => each !== migration);
      const silent = await slices.run(silentFieldsOf(stored.rosters));
      const answer = await redis.run(
        'begin-removal',
        [...own, ...others],
        [
          JSON.stringify(clients),
          packRecord(record),
          packRecord(`ok ${mark}`),
          doneSeconds,
          Math.max(removalSeconds, doneSeconds),
          mark,
          JSON.stringify(silent),
          stored.version,
          done.field,
          key,
        ],
        deadline,
      );
      if (answer !== 'stored') return answer;
      // Read back, and not what was given: another worker may have carried it on while this one was frozen.
      return find(phone);
    },
    /** The sessions of the phone have ended; from here on it may have a new profile. */
    async endSessions(phone: string, mark: string) {
      await redis.run('note-removal', [keys.removal(phone)], [mark, 'ended']);
    },
    /** Its clients have the answer: what is left is to notify the contacts. */
    async answered(phone: string, mark: string) {
      await redis.run('note-removal', [keys.removal(phone)], [mark, 'answered']);
    },
  };
}

/** The fields of contacts that hear nothing of a removal. */
function* silentFieldsOf(rosters: Fragment): Steps<string[]> {
  const fields: string[] = [];
  for (const entry of yield* placesOutlivingRemoval(rosters))
    if (fields.push(contactField(entry)) % fieldsInStep === 0) yield;
  return fields;
}

function* entriesThatHear(skeletons: Fragment, silent: readonly string[]): Steps<ContactEntry[]> {
  const entries = yield* contactEntries(skeletons);
  const fields = new Set(silent);
  const left: ContactEntry[] = [];
  for (const [index, entry] of entries.entries()) {
    if (!fields.has(contactField(entry)) && !fields.has(earlierField(entry) ?? '')) left.push(entry);
    if (index % fieldsInStep === fieldsInStep - 1) yield;
  }
  return left;
}

const fieldsInStep = 256;
