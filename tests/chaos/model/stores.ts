/** Reads all of Redis as model values, and skips time there. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import type { ChainableCommander, Redis } from 'ioredis';
import { decodeFragment, equal, type Term, Tuple } from '../../../src/etf/index.ts';
import { elementsOf } from '../../harness/terms.ts';
import type { Cast } from './choices.ts';
import { dayMs, hourMs, maxTries, profileText, type View } from './state.ts';
import { readProfileFields, textOf } from './wire.ts';

/** The secret of the digests of addresses; the workers use the same. */
export const verifySecret = 'a secret of thirty-two characters';

type Hash = Readonly<Record<string, Buffer>>;

/** The keys of a phone that exist only while a request is in work. */
const passing = [
  'removal:{P}',
  'leaving:{P}',
  'leaving:{P}:contacts',
  'aws:{P}:asking',
  'aws:{P}:waiting',
] as const;

/** Reads the data of a cast. @throws AssertionError for data that does not decode to what was written. */
export async function readView(redis: Redis, { phones, clients, addresses }: Cast): Promise<View> {
  const pipeline = redis.pipeline();
  for (const client of clients) pipeline.hget(`session:${client}`, 'phone');
  for (const client of clients) pipeline.get(`proposal:${client}`);
  for (const address of addresses) pipeline.zrange(limitOf(address), '0', '-1', 'WITHSCORES');
  for (const phone of phones) askOfPhone(pipeline, phone, addresses);
  const replies = (await pipeline.exec()) ?? [];
  const results = replies.map(([error, result]) => {
    if (error) throw error;
    return result;
  });
  const next = <T>(): T => results.shift() as T;
  const ofClients = () => {
    const texts = clients.map((client) => [client, next<string | null>()] as const);
    return Object.fromEntries(texts.flatMap(([client, text]) => (text === null ? [] : [[client, text]])));
  };
  const sessions = ofClients();
  const proposals = ofClients();
  const slots = Object.fromEntries(
    addresses.flatMap((address) => {
      const taken = takenSlots(next<string[]>());
      return taken === 0 ? [] : [[address, taken]];
    }),
  );
  return phones.reduce((view, phone) => withPhone(view, phone, addresses, next), {
    ...nothing,
    sessions,
    proposals,
    slots,
  });
}

const nothing: View = {
  profiles: {},
  sessions: {},
  members: {},
  codes: {},
  slots: {},
  wrongCodes: {},
  confirmed: {},
  migrations: {},
  proposals: {},
  credentials: [],
  unfinished: [],
};

const limitOf = (address: string): string => `limit:{${digestOf(address)}}:address`;

function digestOf(address: string): string {
  const digest = createHmac('sha256', verifySecret).update(JSON.stringify(['address', address]));
  return digest.digest('base64url');
}

/** @param members - with their scores. */
function takenSlots(members: readonly string[], windowMs = hourMs): number {
  const scores = members.filter((_, index) => index % 2 === 1);
  return scores.filter((score) => Number(score) + windowMs > Date.now()).length;
}

const ofPhone = (key: string, phone: string): string => key.replace('P', phone);

function askOfPhone(pipeline: ChainableCommander, phone: string, addresses: readonly string[]): void {
  pipeline.hgetallBuffer(`profile:{${phone}}`);
  pipeline.hgetallBuffer(`contacts:{${phone}}`);
  pipeline.smembers(`sessions:{${phone}}`);
  pipeline.hgetall(`verify:{${phone}}`);
  pipeline.zrange(`limit:{${phone}}:link`, '0', '-1', 'WITHSCORES');
  for (const address of addresses)
    pipeline.zrange(`limit:{${phone}}:tries:${digestOf(address)}`, '0', '-1', 'WITHSCORES');
  pipeline.zcard(`confirmed:{${phone}}`);
  pipeline.hgetall(`migration:{${phone}}`);
  pipeline.exists(`aws:{${phone}}`);
  for (const key of passing) pipeline.exists(ofPhone(key, phone));
  // Comes last, because it may name any phone of the cast: who wants to move where.
  pipeline.get(`migration:{${phone}}:to`);
}

function withPhone(view: View, phone: string, addresses: readonly string[], next: <T>() => T): View {
  const [profile, contacts] = [next<Hash>(), next<Hash>()];
  const members = next<string[]>().filter((client) => view.sessions[client] === phone);
  const tries = goodCodes(next<Record<string, string>>());
  const places = takenSlots(next<string[]>());
  const wrongCodes = addresses.reduce((sum) => sum + takenSlots(next<string[]>(), dayMs), 0);
  const confirmed = next<number>();
  const migration = next<Record<string, string>>();
  const hasCredentials = next<number>() === 1;
  const unfinished = passing.filter(() => next<number>() === 1).map((key) => ofPhone(key, phone));
  const wants = next<string | null>();
  if ('settled' in migration) unfinished.push(`migration:{${phone}} settled`);
  if (profile.version === undefined) assert.deepEqual([profile, contacts], [{}, {}], 'no rest of a profile');
  return {
    ...view,
    profiles:
      profile.version === undefined
        ? view.profiles
        : { ...view.profiles, [phone]: storedText(profile, contacts) },
    members: members.length === 0 ? view.members : { ...view.members, [phone]: members.sort() },
    codes: tries.length === 0 ? view.codes : { ...view.codes, [phone]: tries },
    slots: places === 0 ? view.slots : { ...view.slots, [phone]: places },
    wrongCodes: wrongCodes === 0 ? view.wrongCodes : { ...view.wrongCodes, [phone]: wrongCodes },
    confirmed: confirmed === 0 ? view.confirmed : { ...view.confirmed, [phone]: confirmed },
    migrations: { ...view.migrations, [phone]: listedIn(migration) },
    credentials: hasCredentials ? [...view.credentials, phone].sort() : view.credentials,
    unfinished: [...view.unfinished, ...unfinished, ...(wants === null ? [] : [`${phone} wants ${wants}`])],
  };
}

/** The old phones that are listed at a new one. */
function listedIn(migration: Record<string, string>): string[] {
  return Object.keys(migration)
    .filter((field) => /^\d+$/.test(field))
    .sort();
}

/** Of the phones that are listed at others, those for which that is their last proposal. */
export function withLastProposals(view: View): View {
  const wishes = view.unfinished.filter((text) => text.includes(' wants '));
  const wants = new Map(wishes.map((text) => text.split(' wants ') as [string, string]));
  const migrations = Object.entries(view.migrations).map(
    ([phone, listed]) => [phone, listed.filter((old) => wants.get(old) === phone)] as const,
  );
  return {
    ...view,
    migrations: Object.fromEntries(migrations.filter(([, listed]) => listed.length > 0)),
    unfinished: view.unfinished.filter((text) => !wishes.includes(text)),
  };
}

function goodCodes(verify: Readonly<Record<string, string>>): number[] {
  const digests = Object.keys(verify).filter((field) => field.endsWith(':code'));
  return digests
    .map((field) => field.slice(0, -':code'.length))
    .filter((digest) => Number(verify[`${digest}:expires`]) > Date.now())
    .map((digest) => Number(verify[`${digest}:tries`]))
    .filter((tries) => tries < maxTries)
    .sort();
}

/** A profile made of fragments; the cached rosters must equal those made of its contacts. */
function storedText(profile: Hash, contacts: Hash): string {
  const field = (name: string): Term => decodeFragment(profile[name] ?? Buffer.from([106]));
  assert.equal(field('balance'), 0);
  const used = new Set<string>();
  const rosters = elementsOf(field('outlines')).map((skeleton) => joined(skeleton, contacts, used));
  assert.deepEqual(Object.keys(contacts).sort(), [...used].sort(), 'a contact for each name in the rosters');
  if (profile.rosters) assert.ok(equal(field('rosters'), rosters), 'the ready rosters are up to date');
  const terms = {
    services: field('services'),
    settings: field('settings'),
    presence: field('presence'),
    rosters,
  };
  return profileText(readProfileFields(terms, Number(profile.update)));
}

function joined(skeleton: Term, contacts: Hash, used: Set<string>): Term {
  if (!(skeleton instanceof Tuple)) return skeleton;
  const id = String(skeleton.elements[1]);
  const userlist = elementsOf(skeleton.elements[6]).map((phoneId) => {
    const name = `${id}:${textOf(phoneId)}`;
    used.add(name);
    const contact = contacts[name];
    assert.ok(contact, `a contact ${name}`);
    return decodeFragment(contact);
  });
  return new Tuple(skeleton.elements.with(6, userlist));
}

/** The names of all keys. */
export async function allKeys(redis: Redis): Promise<string[]> {
  const keys: string[] = [];
  for await (const some of redis.scanStream({ count: 1000 })) keys.push(...(some as string[]));
  return keys;
}

/** Skips time for everything that expires: keys, codes, slots in limits. */
export async function skipTime(redis: Redis, skippedMs: number): Promise<void> {
  // Confirmations are kept for longer than any run skips.
  const keys = (await allKeys(redis)).filter((key) => !key.startsWith('confirmed:'));
  const lives = await pipelined<number>(redis, keys, (pipeline, key) => pipeline.pttl(key));
  await pipelined(redis, keys, (pipeline, key) => {
    const left = (lives.get(key) ?? -1) - skippedMs;
    if ((lives.get(key) ?? -1) < 0) pipeline.exists(key);
    else if (left > 0) pipeline.pexpire(key, left);
    else pipeline.del(key);
  });
  for (const key of keys.filter((name) => name.startsWith('limit:'))) {
    for (const member of await redis.zrange(key, '0', '-1')) await redis.zincrby(key, -skippedMs, member);
  }
  for (const key of keys.filter((name) => name.startsWith('verify:'))) {
    const fields = (await redis.hkeys(key)).filter((field) => field.endsWith(':expires'));
    for (const field of fields) await redis.hincrby(key, field, -skippedMs);
  }
}

async function pipelined<T>(
  redis: Redis,
  keys: readonly string[],
  add: (pipeline: ChainableCommander, key: string) => void,
): Promise<Map<string, T>> {
  const pipeline = redis.pipeline();
  for (const key of keys) add(pipeline, key);
  const replies = (await pipeline.exec()) ?? [];
  return new Map(keys.map((key, index) => [key, replies[index]?.[1] as T]));
}
