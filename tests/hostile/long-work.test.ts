/** The largest requests do not hold the event loop while they are handled: between two of its turns there is little work. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Server } from '../../dev/servers/process.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { atom, encodeFragment, type Term } from '../../src/etf/index.ts';
import { counterpartiesOf } from '../../src/handlers/counterparties.ts';
import type { RecordedRequest } from '../../src/handlers/outcome.ts';
import { type Steps, slices } from '../../src/lib/slices.ts';
import {
  contactEntries,
  friendPlaces,
  placesOutlivingRemoval,
  renameContacts,
} from '../../src/protocol/roster.ts';
import type { Stores } from '../../src/store/index.ts';
import { type Database, openRedis } from '../../src/store/redis/database.ts';
import { longestTurnOf } from '../harness/calibration.ts';
import { carryOut, openStoresOf, requestOf } from '../harness/direct-calls.ts';
import { eventually } from '../harness/eventually.ts';
import type { Phone } from '../harness/phone.ts';
import { contact, feature, type ProfileValues, profile, roster, service } from '../harness/terms.ts';

/** 20 ms, in units of some 10 ms that run on the same busy machine. */
const maxUnits = 2;

const number = '380501112233';
const phone = { client: 'device', number } as Phone;

let redis: Server;
let stores: Stores;
let close: () => Promise<void>;
let database: Database;
before(async () => {
  redis = await startRedis();
  ({ stores, close } = await openStoresOf({ redis }));
  database = openRedis(redis.url, '', () => undefined);
  await eventually('Redis is there', () => database.state.connected);
  await database.connection.hset(`session:${phone.client}`, { phone: number });
});
after(async () => {
  await Promise.all([close(), database.close()]);
  await redis.stop();
});

const many = (count: number, make: (index: number) => Term): Term[] =>
  Array.from({ length: count }, (_, index) => make(index));

const phoneId = (index: number) => `38050${1_000_000 + index}_1`;
const unknown = atom('undefined');

const largest: Readonly<Record<string, ProfileValues>> = {
  '3,900 contacts': {
    rosters: [roster({ userlist: many(3_900, (index) => contact({ phoneId: phoneId(index) })) })],
    status: 'set',
  },
  '3,000 contacts whose fields are written anew': {
    rosters: [
      roster({
        userlist: many(3_000, (index) =>
          contact({ phoneId: phoneId(index), names: unknown, settings: unknown, presence: unknown }),
        ),
      }),
    ],
    status: 'set',
  },
  '4,000 rosters': { rosters: many(4_000, (index) => roster({ id: index })), status: 'set' },
  '7,000 services': { services: many(7_000, () => service({ type: atom('vox') })), status: 'set' },
  '7,000 settings': { settings: many(7_000, (index) => feature(`key ${index}`, 'v')), status: 'set' },
};

/** A request that has not come before, with the profile as it is stored. */
async function requestFor(values: ProfileValues): Promise<RecordedRequest> {
  const ref = { phone: number, key: randomBytes(16).toString('base64url'), record: '' };
  return requestOf(phone, profile({ phone: number, ...values }), {
    stored: await stores.profiles.read(number),
    ref,
  });
}

for (const [name, values] of Object.entries(largest))
  test(`a set of ${name}: no turn of over ${maxUnits} units of work`, async () => {
    const units = await longestTurnOf(async () => {
      const request = await requestFor(values);
      return async () => assert.equal((await carryOut(request, stores)).result, 'ok');
    }, maxUnits);
    assert.ok(units < maxUnits, `${units.toFixed(1)} units`);
  });

test(`twenty such sets at once: no turn of over ${2 * maxUnits} units of work`, async () => {
  const units = await longestTurnOf(
    async () => {
      const each = await Promise.all(Object.values(largest).map(requestFor));
      const all = Array.from({ length: 4 }, () => each).flat();
      return () => Promise.all(all.map((request) => carryOut(request, stores)));
    },
    2 * maxUnits,
    10,
  );
  assert.ok(units < 2 * maxUnits, `${units.toFixed(1)} units`);
});

test('a profile with large services or settings is read by a command of its own, not within a script', async () => {
  const large = Buffer.alloc(20_000);
  for (const [index, field] of ['rosters', 'services', 'settings'].entries()) {
    const key = `profile:{38050000000${index}}`;
    await database.connection.hset(key, { version: 'a', rosters: 'j', update: '0', [field]: large });
    const bytes = field === 'rosters' ? 20_000 : 20_001;
    assert.deepEqual(await database.readBatch([key], 'p', []), [bytes], field);
  }
});

/** As many contacts as a profile of the largest size holds. */
const mostContacts = 22_800;
const manyIds = many(mostContacts, (index) => Buffer.from(phoneId((index * 7_919) % mostContacts)));
const skeletons = encodeFragment([roster({ id: 1, userlist: manyIds })]);
const entries = manyIds.map((id) => ({ roster: '1', phoneId: String(id) }));

const onContacts: Readonly<Record<string, () => Steps<unknown>>> = {
  'put into the order in which they hear': () => counterpartiesOf(number, entries, undefined),
  'listed from a skeleton': () => contactEntries(skeletons),
  renamed: () =>
    renameContacts(skeletons, [{ entry: { roster: '1', phoneId: phoneId(1) }, newPhoneId: 'x_1' }]),
};
for (const [name, work] of Object.entries(onContacts))
  test(`${mostContacts} contacts are ${name} in many steps, and no turn has over ${maxUnits} units of work`, async () => {
    let steps = 0;
    for (const pausing = work(); pausing.next().done !== true; ) steps++;
    assert.ok(steps >= mostContacts / 512, `${steps} steps`);
    const units = await longestTurnOf(async () => async () => slices.run(work()), maxUnits);
    assert.ok(units < maxUnits, `${units.toFixed(1)} units`);
  });

test('contacts in joined rosters are looked at in steps, for who hears and for who does not', () => {
  const userlist = many(3_000, (index) => contact({ phoneId: phoneId(index) }));
  const joined = encodeFragment([roster({ userlist })]);
  for (const places of [friendPlaces, placesOutlivingRemoval]) {
    let steps = 0;
    for (const pausing = places(joined); pausing.next().done !== true; ) steps++;
    assert.ok(steps >= 3_000 / 64, `${steps} steps`);
  }
});

test(`a removal with ${mostContacts} contacts is read in no turn of over ${maxUnits} units of work`, async () => {
  const key = `removal:{${number}}`;
  const kept = { clients: '[]', outlines: Buffer.from(skeletons), silent: '["1:none"]', answered: '1' };
  await database.connection.hset(key, kept);
  const units = await longestTurnOf(async () => () => stores.removals.find(number), maxUnits);
  assert.ok(units < maxUnits, `${units.toFixed(1)} units`);
  assert.equal((await stores.removals.find(number))?.entries.length, mostContacts);
  assert.equal(await stores.removals.isAnswered(number), true);
  await database.connection.del(key);
  assert.equal(await stores.removals.isAnswered(number), false);
});
