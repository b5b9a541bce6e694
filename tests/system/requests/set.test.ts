/** `set`: the client replaces its own fields, and nothing else. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, encode, encodeFragment, Foreign, type Term } from '../../../src/etf/index.ts';
import { read as get } from '../../harness/address-books.ts';
import { type Phone, startHarness } from '../../harness/harness.ts';
import {
  contact,
  elementsOf,
  feature,
  fieldsOf,
  type ProfileValues,
  profile,
  refusal,
  roster,
  service,
  shortProfile,
} from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

type Owned = Omit<ProfileValues, 'status' | 'phone'>;

/** Sends a `set`; returns the fields of the answer. */
const set = async (phone: Phone, values: Owned) =>
  fieldsOf(await phone.ask(profile({ phone: phone.number, ...values, status: 'set' })));

/** Something in each field that a client owns. */
const everything: Owned = {
  services: [service({ id: 'vox-1', type: atom('vox') })],
  rosters: [roster({ id: 3, userlist: [contact({ phoneId: '380670000001_1' })] }), 8],
  settings: [feature('LANG', 'uk')],
  presence: atom('online'),
};

test('set creates a profile: balance 0, update the server’s time, the rest as sent', async () => {
  const phone = await harness.phone();
  const from = Date.now();
  const { update, ...fields } = await set(phone, everything);
  assert.ok(typeof update === 'number' && update >= from && update <= Date.now());
  assert.deepEqual(
    profile({ ...everything, ...fields, status: 'set' }),
    profile({ ...fields, status: 'set' }),
  );
  assert.deepEqual(fields.balance, 0);
  assert.deepEqual(fields.status, atom('set'));
});

test('a set of nothing creates an empty profile', async () => {
  const phone = await harness.phone();
  const { update, ...fields } = await set(phone, {});
  assert.ok(update);
  const nothing = { services: [], rosters: [], settings: [], balance: 0, presence: [] };
  assert.deepEqual(fields, {
    phone: new TextEncoder().encode(phone.number),
    ...nothing,
    status: atom('set'),
  });
});

test('the answer is the profile as stored', async () => {
  const phone = await harness.phone();
  const answer = await set(phone, everything);
  assert.deepEqual(await get(phone), { ...answer, status: atom('get') });
});

for (const [name, unset] of [['[]', [] as Term], ['undefined', atom('undefined')] as const] as const) {
  test(`a field sent as ${name} stays as it is`, async () => {
    const phone = await harness.phone();
    const before = await set(phone, everything);
    const after = await set(phone, { services: unset, rosters: unset, settings: unset, presence: unset });
    assert.deepEqual({ ...after, update: before.update }, before);
  });
}

test('a set of one field leaves the others as they are', async () => {
  const phone = await harness.phone();
  const before = await set(phone, everything);
  const after = await set(phone, { presence: atom('away') });
  assert.deepEqual({ ...after, update: 0 }, { ...before, update: 0, presence: atom('away') });
});

test('a set without presence, of 8 elements, leaves it as it is and is answered with 8', async () => {
  const phone = await harness.phone();
  await set(phone, everything);
  const short = shortProfile({ phone: phone.number, settings: [feature('A', 'b')], status: 'set' });
  assert.equal(fieldsOf(await phone.ask(short)).presence, undefined);
  assert.deepEqual((await get(phone)).presence, atom('online'));
});

test('a feature replaces the one with its key, a new one is added last', async () => {
  const phone = await harness.phone();
  await set(phone, { settings: [feature('A', '1'), feature('B', '2')] });
  const { settings } = await set(phone, { settings: [feature('C', '3'), feature('A', '4', 'group')] });
  assert.deepEqual(settings, [feature('A', '4', 'group'), feature('B', '2'), feature('C', '3')]);
});

test('a feature whose value is [] removes its key; the last one leaves an empty list', async () => {
  const phone = await harness.phone();
  await set(phone, { settings: [feature('A', '1'), feature('B', '2')] });
  assert.deepEqual((await set(phone, { settings: [feature('A', [])] })).settings, [feature('B', '2')]);
  assert.deepEqual((await set(phone, { settings: [feature('never there', [])] })).settings, [
    feature('B', '2'),
  ]);
  assert.deepEqual((await set(phone, { settings: [feature('B', [])] })).settings, []);
});

test('balance and update are the server’s: values sent there are ignored', async () => {
  const phone = await harness.phone();
  await set(phone, everything);
  for (const value of [77, 'text', atom('a'), [feature('a', 'b')]]) {
    const from = Date.now();
    const answer = await set(phone, { balance: value, update: value });
    assert.equal(answer.balance, 0);
    assert.ok(Number(answer.update) >= from && Number(answer.update) <= Date.now());
  }
});

test('email and aws services are the server’s: those sent are ignored, those stored stay; vox services are replaced', async () => {
  const phone = await harness.phone();
  await set(phone, everything);
  const email = service({ id: 'a@example.org', type: atom('email'), status: atom('verified') });
  const vox = (id: string) => service({ id, type: atom('vox'), login: 'l', password: 'p' });
  const stored = encodeFragment([email, vox('old')]);
  await harness.database.hset(`profile:{${phone.number}}`, 'services', stored);
  const forged = service({ id: 'b@example.org', type: atom('email'), status: atom('verified') });
  const keys = service({ id: 'AKIA', type: atom('aws'), login: 'x', status: atom('verified') });
  const { services } = await set(phone, { services: [forged, vox('new'), keys, vox('newer')] });
  assert.deepEqual(services, [email, vox('new'), vox('newer')]);
});

test('rosters are replaced as a whole, the order of their contacts is kept', async () => {
  const phone = await harness.phone();
  await set(phone, everything);
  const ids = Array.from({ length: 300 }, (_, n) => `38067${String((n * 7919) % 10_000).padStart(7, '0')}_1`);
  const rosters = [roster({ id: 2, userlist: ids.map((phoneId) => contact({ phoneId, names: phoneId })) })];
  assert.deepEqual((await set(phone, { rosters })).rosters, rosters);
  assert.deepEqual((await get(phone)).rosters, rosters);
  assert.equal(await harness.database.hlen(`contacts:{${phone.number}}`), 300);
});

test('rosters may be integers, also as the string that [1,2,3] is on the wire', async () => {
  const phone = await harness.phone();
  const request = encode(profile({ phone: phone.number, rosters: [1, 2, 3], status: 'set' }));
  assert.ok(request.includes(Buffer.from([107, 0, 3, 1, 2, 3])), 'STRING_EXT');
  assert.deepEqual(fieldsOf(await phone.ask(request)).rosters, [1, 2, 3]);
  assert.deepEqual((await get(phone)).rosters, [1, 2, 3]);
});

const foreign = (...bytes: number[]) => new Foreign(Uint8Array.from(bytes));
/** `#{1 => 3.14…}`, its key an INTEGER_EXT that would fit in a byte, its value with an atom of another encoding. */
const map = foreign(
  116,
  0,
  0,
  0,
  2,
  98,
  0,
  0,
  0,
  1,
  70,
  64,
  9,
  33,
  251,
  84,
  68,
  45,
  24,
  97,
  2,
  119,
  2,
  111,
  107,
);
const bits = foreign(77, 0, 0, 0, 1, 3, 160);
const pid = foreign(88, 119, 1, 97, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3);

test('foreign terms in data, value and last_msg come back byte for byte', async () => {
  const phone = await harness.phone();
  const { payload } = await phone.exchange(
    profile({
      phone: phone.number,
      services: [service({ id: 'v', type: atom('vox'), data: map })],
      settings: [feature('K', bits)],
      rosters: [roster({ userlist: [contact({ phoneId: '380670000001_1', lastMessage: [pid, map] })] })],
      status: 'set',
    }),
  );
  for (const { bytes } of [map, bits, pid]) assert.ok(payload.includes(Buffer.from(bytes)));
  const { services, settings, rosters } = await get(phone);
  assert.deepEqual(services, [service({ id: 'v', type: atom('vox'), data: map })]);
  assert.deepEqual(settings, [feature('K', bits)]);
  const userlist = [contact({ phoneId: '380670000001_1', lastMessage: [pid, map] })];
  assert.deepEqual(rosters, [roster({ userlist })]);
});

test('sets from two devices through two workers at once lose nothing', async () => {
  const phone = await harness.phone();
  const other = await harness.phone({ number: phone.number });
  const count = 40;
  for (const device of [phone, other]) {
    for (let n = 0; n < count; n++) {
      const settings = [feature(`${device.client}:${n}`, 'v')];
      await device.send(profile({ phone: phone.number, settings, status: 'set' }), { qos: 1 });
    }
  }
  for (const device of [phone, other]) for (let n = 0; n < count; n++) await device.take();
  const keys = elementsOf((await get(phone)).settings).map((term) => encode(term).toString('latin1'));
  assert.equal(keys.length, 2 * count);
  assert.ok((await Promise.all(harness.workers.map((worker) => worker.metric(setsAnswered)))).every(Boolean));
});

const setsAnswered = 'profile_requests_total{kind="set",result="ok",lane="fast"}';

test('a set of 1,000 contacts is answered and stored whole', async () => {
  const phone = await harness.phone();
  const ids = Array.from({ length: 1000 }, (_, n) => `38067${1_000_000 + n}_1`);
  const rosters = [roster({ userlist: ids.map((phoneId) => contact({ phoneId, names: 'a name' })) })];
  assert.deepEqual((await set(phone, { rosters })).rosters, rosters);
  assert.deepEqual((await get(phone)).rosters, rosters);
});

test('a set without a session is refused, and stores nothing', async () => {
  const phone = await harness.phone({ session: false });
  const answer = await phone.ask(profile({ phone: phone.number, ...everything, status: 'set' }));
  assert.deepEqual(answer, refusal('not_authorized'));
  assert.equal(await harness.database.exists(`profile:{${phone.number}}`), 0);
});
