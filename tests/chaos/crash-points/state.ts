/** The contents of Redis and the messages to clients, in a form that is equal for two runs of one request. */
import type { Redis } from 'ioredis';
import { decode, encode, type Term, Tuple } from '../../../src/etf/index.ts';
import { unpackRecord } from '../../../src/store/idempotency-records.ts';
import type { Received } from '../../harness/mqtt-clients.ts';

/** Everything in Redis, by key, and the number of idempotency records, by phone. */
export async function stateOf(database: Redis, startedAt: number): Promise<Record<string, unknown>> {
  const state: Record<string, unknown> = {};
  for (const key of (await database.keys('*')).sort()) {
    // A worker that finds nothing left to tell has the lease of a fan-out for a moment.
    if (/^(workers|subscriptions|client-id)\b|^fan-out:.*:telling$/.test(key)) continue;
    const value = await contentOf(database, key, startedAt);
    const lapses = (await database.ttl(key)) !== -1;
    // The names of records contain packet identifiers.
    const [, phone] = /^done:(\{\d+\}):/.exec(key) ?? [];
    if (phone === undefined) state[key] = { lapses, value };
    else
      for (const word of await wordsOf(database, key))
        addRecord(state, `done:${phone}`, { lapses, value: word });
  }
  return state;
}

function addRecord(
  state: Record<string, unknown>,
  name: string,
  record: { lapses: boolean; value: unknown },
): void {
  const records = (state[name] as { value: unknown }[] | undefined) ?? [];
  // A worker that was killed during a move leaves records of renamed entries in its copy, until they expire.
  const isKnown = record.value === 'renamed' && records.some(({ value }) => value === 'renamed');
  if (!isKnown) state[name] = [...records, record].sort(byText);
}

/** What became of requests: that of a contact's change is a word or a hash, the others are fields of a hash. */
async function wordsOf(database: Redis, key: string): Promise<(string | undefined)[]> {
  if ((await database.type(key)) === 'string') return [(await database.get(key)) ?? undefined];
  const records = Object.values(await database.hgetallBuffer(key));
  // A move keeps one hash for all that it has renamed at a phone.
  if (!/:[0-9a-f]{2}$/.test(key)) return ['renamed'];
  return records.map((record) => unpackRecord(record).split(' ', 1)[0]);
}

async function contentOf(database: Redis, key: string, startedAt: number): Promise<unknown> {
  switch (await database.type(key)) {
    case 'hash': {
      const fields = Object.entries(await database.hgetallBuffer(key)).flatMap(([name, value]) => {
        // A cache that may or may not be filled; reading the profile checks whether it is right.
        if (name === 'rosters') return [];
        return [[name, fieldOf(name, value.toString('latin1'), startedAt)]];
      });
      return Object.fromEntries(fields.sort(byText));
    }
    case 'set':
      return (await database.smembers(key)).sort();
    case 'zset':
      return database.zcard(key); // Slots of a quota have generated names.
    case 'string':
      return database.get(key);
    default:
      throw new Error(`no test stores such a value: ${key}`);
  }
}

/** Removes names that a worker generates, also of listed old phones, and times of its clock: they always differ. */
function fieldOf(name: string, value: string, startedAt: number): string {
  if (name === 'version' || name === 'claim' || /^\d+$/.test(name)) return '*';
  return name === 'update' && isNow(Number(value), startedAt) ? 'now' : value;
}

/** Each different message once: a topic and a term, without the times of the server's clock. */
export function messagesOf(received: readonly Received[], startedAt: number): string[] {
  const lines = received.map(
    ({ topic, payload }) => `${topic} ${encode(timeless(decode(payload), startedAt)).toString('hex')}`,
  );
  return lines.sort();
}

const updatePlace = 5;

/** A `'Profile'` without the time at which the server changed it; any other term unchanged. */
function timeless(term: Term, startedAt: number): Term {
  if (!(term instanceof Tuple) || term.elements.length !== 9) return term;
  return new Tuple(
    term.elements.map((element, index) =>
      index === updatePlace && isNow(Number(element), startedAt) ? 0 : element,
    ),
  );
}

const isNow = (time: number, startedAt: number): boolean => time >= startedAt && time <= Date.now();

const byText = (a: unknown, b: unknown): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
