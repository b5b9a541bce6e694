/** Entries as large as a profile: a worker holds few of them at a time, whatever tells of them and however many phones do. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { atom, encodeFragment, type Term } from '../../src/etf/index.ts';
import { type FanOutStores, fanOutPass } from '../../src/handlers/fan-out.ts';
import { FanOuts } from '../../src/pipeline/fan-outs.ts';
import { readRosters } from '../../src/protocol/roster.ts';
import { Topics } from '../../src/protocol/topics.ts';
import { hearingCommands } from '../harness/commands-of-redis.ts';
import { openStoresOf } from '../harness/direct-calls.ts';
import { eventually, type Phone, startHarness } from '../harness/harness.ts';
import { move } from '../harness/migration.ts';
import { contact, fieldsOf, profile, roster } from '../harness/terms.ts';

const harness = await startHarness({ redis: {}, workers: 1 });
const { stores, close } = await openStoresOf(harness);
after(() => Promise.all([close(), harness.stop()]));

/** Two of them are a group of 256 KiB, and ten such groups are what a worker tells at a time. */
const largeBytes = 100_000;
const maxBytes = 2 * 2 ** 20;

let lastNumber = 441_000_000_000;
const newNumber = () => String(++lastNumber);

async function hold(number: string, rosters: Term[]): Promise<void> {
  const before = await stores.profiles.read(number);
  const changed = { rosters: readRosters(encodeFragment(rosters)) ?? [] };
  await stores.profiles.change({ phone: number, key: 'set', record: '' }, before, 'ok', () => changed);
}

/** Phones that have each of the owners in a roster of its own, in an entry of so many bytes. */
async function holdersOf(owners: readonly string[], sizes: readonly number[]): Promise<string[]> {
  const holders = sizes.map(newNumber);
  for (const [place, holder] of holders.entries())
    await hold(
      holder,
      owners.map((owner, index) =>
        roster({
          id: index + 1,
          userlist: [contact({ phoneId: `${owner}_1`, names: 'x'.repeat(sizes[place] ?? 0) })],
        }),
      ),
    );
  return holders;
}

const holding = (holders: readonly string[], rosterId: number) =>
  roster({ id: 1, userlist: holders.map((holder) => contact({ phoneId: `${holder}_${rosterId}` })) });

/** The contacts of a phone are to hear of an update. */
const haveNews = (number: string) => harness.database.hset(`profile:{${number}}`, 'news', 'an update');

/** Tells contacts through a broker that takes its time, and counts what it is given and has not accepted. */
function openFanOuts() {
  const seen = { bytes: 0, most: 0, notices: 0, passes: 0 };
  const publish = async ({ payload }: { payload: Buffer }) => {
    seen.bytes += payload.length;
    seen.most = Math.max(seen.most, seen.bytes);
    // At first so slow that all have begun.
    await sleep(++seen.notices <= 40 ? 200 : 5);
    seen.bytes -= payload.length;
  };
  const nothing = () => undefined;
  const fanOuts = new FanOuts({
    ...{ stores: { ...stores, contactLayout: 'auto' }, brokers: [{ publish }], topics: new Topics() },
    ...{ replyQos: 1, replyExpirySeconds: 60, outboxRelay: undefined },
    metrics: { limiter: nothing, noticed: nothing, contactSkipped: nothing, passed: () => seen.passes++ },
    log: { warn: nothing, error: (_: unknown, text: string) => assert.fail(text) },
  } as unknown as ConstructorParameters<typeof FanOuts>[0]);
  return { fanOuts, seen };
}

test('a dozen phones with two dozen large entries each share a bound of bytes', async () => {
  const owners = Array.from({ length: 12 }, newNumber);
  const holders = await holdersOf(
    owners,
    owners.flatMap(() => [largeBytes, largeBytes]),
  );
  for (const [index, owner] of owners.entries()) await hold(owner, [holding(holders, index + 1)]);
  await Promise.all(owners.map(haveNews));
  const { fanOuts, seen } = openFanOuts();
  try {
    await Promise.all(owners.map((owner) => fanOuts.note(owner)));
    await eventually('all have heard', () => seen.passes === owners.length);
  } finally {
    await fanOuts.stop();
  }
  assert.equal(seen.notices, owners.length * holders.length);
  assert.ok(seen.most <= 1.05 * maxBytes, `${seen.most} bytes on the way to the broker`);
});

/** At how many phones the worker reads contacts before it notes how far it has come; the most while something is done. */
async function readTogether(holders: readonly string[], act: () => Promise<unknown>): Promise<number> {
  const read = new Set<string>();
  let most = 0;
  const carried = ([command = '', key = '']: string[], source: string) => {
    if (source === 'lua') return;
    if (command === 'set' && /^fan-out:\{\d+\}$/.test(key)) read.clear();
    if (command === 'hget' && holders.some((holder) => key === `contacts:{${holder}}`)) read.add(key);
    most = Math.max(most, read.size);
  };
  await hearingCommands(harness.database, carried, async () => {
    await act();
    await harness.idle();
  });
  return most;
}

const ask = async (phone: Phone, fields: Parameters<typeof profile>[0]) =>
  fieldsOf(await phone.ask(profile({ phone: phone.number, ...fields })));

const acts: Record<string, (phone: Phone) => Promise<unknown>> = {
  update: (phone) => ask(phone, { update: Date.now(), presence: atom('online'), status: 'update' }),
  remove: (phone) => ask(phone, { status: 'remove' }),
  phone: async (phone) => move(harness, phone, await harness.phone()),
};

for (const [name, act] of Object.entries(acts))
  test(`${name}: two large entries are read at a time`, async () => {
    const phone = await harness.phone();
    const holders = await holdersOf([phone.number], Array(7).fill(largeBytes));
    await ask(phone, { rosters: [holding(holders, 1)], status: 'set' });
    const before = await harness.metric('profile_notices_total');
    assert.equal(await readTogether(holders, () => act(phone)), 2);
    const notices = (await harness.metric('profile_notices_total')) - before;
    // A move tells of the old entry, as deleted, and of the new one.
    assert.equal(notices, name === 'phone' ? 2 * holders.length : holders.length);
  });

test('an entry above the size of a group goes alone; after a crash others begin after the last group', async () => {
  const owner = newNumber();
  const sizes = [3 * largeBytes, largeBytes, largeBytes, largeBytes, 10, 10];
  const holders = await holdersOf([owner], sizes);
  await hold(owner, [holding([...holders, newNumber()], 1)]);
  await haveNews(owner);
  const own: FanOutStores = { ...stores, contactLayout: 'auto' };
  const steps = () => fanOutPass(owner, own, (error) => assert.fail(`${error}`));
  const next = async (pass: ReturnType<typeof steps>) => {
    const { value } = await pass.next();
    assert.ok(typeof value === 'object');
    return { ...value, told: value.told, to: (await value.notices()).map(({ phone }) => phone) };
  };
  const first = steps();
  const alone = await next(first);
  assert.deepEqual(alone.to, holders.slice(0, 1));
  assert.ok(alone.bytes > 3 * largeBytes && alone.isMore);
  await alone.told();
  assert.deepEqual((await next(first)).to, holders.slice(1, 3));
  // It ends here, before that group is told.
  const second = steps();
  const again = await next(second);
  assert.deepEqual(again.to, holders.slice(1, 3));
  await again.told();
  const last = await next(second);
  assert.deepEqual([last.to, last.isMore], [holders.slice(3), false]);
  await last.told();
  assert.equal((await second.next()).value, 'told');
  assert.equal(await stores.fanOuts.cursor(owner, 'an update'), undefined);
});
