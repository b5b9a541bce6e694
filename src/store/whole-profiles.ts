import type { Fragment } from '../etf/index.ts';
import { ConcurrencyLimiter } from '../lib/concurrency-limiter.ts';
import { slices } from '../lib/slices.ts';
import { unset } from '../protocol/fields.ts';
import { joinRosters } from '../protocol/roster.ts';
import { contactIn } from './contacts.ts';
import type { Database } from './redis/database.ts';
import { inOrder } from './redis/in-order.ts';
import { withRetry } from './redis/retry.ts';
import { emptyFields, type StoredProfile } from './stored-profile.ts';
import { untilUnchanged } from './until-unchanged.ts';

/** So many profiles are joined at the same time: it bounds what their contacts take in Redis' buffers and here. */
const maxJoins = 16;

/** What reads a profile without the script that reads for many requests: a large one, or one that is to be joined again. */
export class WholeProfiles {
  readonly #redis: Database;
  readonly #joins = new ConcurrencyLimiter({
    name: 'join',
    concurrency: maxJoins,
    maxQueued: Number.POSITIVE_INFINITY,
  });
  /** Those that have not begun: who comes before that shares the result, which is no older than the request. */
  readonly #waiting = new Map<string, Promise<StoredProfile | undefined>>();
  readonly #running = new Map<string, Promise<unknown>>();

  constructor(redis: Database) {
    this.#redis = redis;
  }

  async read(phone: string): Promise<StoredProfile | undefined> {
    const { connection, keys } = this.#redis;
    const values = await withRetry(() => connection.hmgetBuffer(keys.profile(phone), ...readFields));
    if (!values[0]) return undefined;
    return values[1] ? stored(values, values[1]) : this.join(phone);
  }

  /** Read profile and contacts as one state, join them, and keep the result for the next reader. */
  join(phone: string): Promise<StoredProfile | undefined> {
    const waiting = this.#waiting.get(phone);
    if (waiting !== undefined) return waiting;
    const joining = this.#joinInTurn(phone);
    this.#waiting.set(phone, joining);
    return joining;
  }

  async #joinInTurn(phone: string): Promise<StoredProfile | undefined> {
    await this.#running.get(phone)?.catch(() => undefined);
    const joining = this.#joins.run(() => {
      this.#waiting.delete(phone);
      return this.#join(phone);
    });
    if (joining === 'queue_full') throw new Error('unreachable: the queue has no bound');
    this.#running.set(phone, joining);
    try {
      return await joining;
    } finally {
      if (this.#running.get(phone) === joining) this.#running.delete(phone);
    }
  }

  async #join(phone: string): Promise<StoredProfile | undefined> {
    const [values, skeletons, contacts] = await readParts(this.#redis, phone);
    if (!values[0]) return undefined;
    const rosters = await slices.run(joinRosters(skeletons ?? unset, (entry) => contactIn(contacts, entry)));
    const profile = stored(values, rosters);
    await this.#redis.run('keep-rosters', [this.#redis.keys.profile(phone)], [profile.version, rosters]);
    return profile;
  }
}

/** In the order in which `stored` takes them. */
const readFields = ['version', 'rosters', 'update', 'balance', 'presence', 'settings', 'services'] as const;

type Field = Buffer | null | undefined;

function stored(values: readonly Field[], rosters: Fragment): StoredProfile {
  const [version, , update, balance, presence, settings, services] = values;
  return {
    version: version?.toString('latin1') ?? '',
    rosters,
    update: Number(update?.toString('latin1') ?? 0),
    balance: balance ?? emptyFields.balance,
    presence: presence ?? unset,
    settings: settings ?? unset,
    services: services ?? unset,
  };
}

/** Read again where the profile has changed in between: each change gives it another version, also that of a contact. */
async function readParts({ connection, keys }: Database, phone: string): Promise<Parts> {
  const profile = keys.profile(phone);
  const read = async () =>
    (await withRetry(() =>
      inOrder<unknown>(
        connection
          .pipeline()
          .hmgetBuffer(profile, ...readFields, 'outlines')
          .hgetallBuffer(keys.contacts(phone))
          .hgetBuffer(profile, 'version'),
      ),
    )) as [Field[], Record<string, Buffer>, Field];
  return untilUnchanged(
    await read(),
    read,
    async ([fields, contacts, version]): Promise<Parts | 'changed'> =>
      `${fields[0]}` === `${version}` ? [fields, fields.at(-1), contacts] : 'changed',
  );
}

type Parts = [fields: Field[], outlines: Field, contacts: Record<string, Buffer>];
