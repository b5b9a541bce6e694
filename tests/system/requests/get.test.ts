/** `get`: returns the profile as it is stored, from ready bytes. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { atom, decode, encode, encodeFragment, Foreign, type Term, Tuple } from '../../../src/etf/index.ts';
import { type Phone, startHarness } from '../../harness/harness.ts';
import {
  contact,
  feature,
  fieldsOf,
  profile,
  refusal,
  roster,
  service,
  shortProfile,
} from '../../harness/terms.ts';

const harness = await startHarness();
after(() => harness.stop());

const get = ({ number: phone }: Phone) => profile({ phone, status: 'get' });

/** Stores a value in every field that a client owns; returns the profile as it is then. */
async function fill(phone: Phone): Promise<Tuple> {
  const fields = {
    phone: phone.number,
    services: [service({ id: 'vox-7', type: atom('vox'), login: 'me', password: 'secret' })],
    rosters: [
      roster({ id: 1, userlist: [contact({ phoneId: '380670000009_2' }), contact({ phoneId: 'x' })] }),
      7,
    ],
    settings: [feature('LANG', 'uk'), feature('TONE', [])].slice(0, 1),
    presence: atom('online'),
  };
  const answer = await phone.ask(profile({ ...fields, status: 'set' }));
  const update = fieldsOf(answer).update as number;
  return profile({ ...fields, update, status: 'get' });
}

test('a phone without a profile gets not_found', async () => {
  const phone = await harness.phone();
  assert.deepEqual(await phone.ask(get(phone)), refusal('not_found'));
});

test('the stored profile is answered with status get, its rosters with their contacts, in canonical bytes', async () => {
  const phone = await harness.phone();
  const stored = await fill(phone);
  const { payload } = await phone.exchange(get(phone));
  assert.deepEqual(decode(payload), stored);
  assert.deepEqual(payload, encode(stored));
});

test('a request of 8 elements is answered with 8, without presence', async () => {
  const phone = await harness.phone();
  const { elements } = await fill(phone);
  const answer = await phone.ask(shortProfile({ phone: phone.number, status: 'get' }));
  assert.deepEqual(answer, new Tuple([...elements.slice(0, 7), ...elements.slice(8)]));
});

test('what a client sends in the other fields is ignored, however odd', async () => {
  const phone = await harness.phone();
  const stored = await fill(phone);
  const odd = profile({ phone: phone.number, status: 'get', services: 7, rosters: 'x', settings: atom('a') });
  assert.deepEqual(await phone.ask(odd), stored);
  const float = new Foreign(Buffer.from([70, 64, 9, 33, 251, 84, 68, 45, 24]));
  const odder = profile({ phone: phone.number, status: 'get', update: float, balance: [], presence: 'on' });
  assert.deepEqual(await phone.ask(odder), stored);
});

test('a phone as a binary, a list of characters, an integer or with one + is the same phone, answered as a binary', async () => {
  const phone = await harness.phone();
  const stored = await fill(phone);
  const forms: Term[] = [
    Buffer.from(phone.number),
    Buffer.from(`+${phone.number}`),
    [...Buffer.from(phone.number)],
    [...Buffer.from(`+${phone.number}`)],
    Number(phone.number),
  ];
  for (const form of forms)
    assert.deepEqual(await phone.ask(profile({ phone: form, status: 'get' })), stored);
});

test('a request is read in all four encodings of atoms, and answered in the one that every client reads', async () => {
  const phone = await harness.phone();
  const expected = encode(await fill(phone));
  const heads = [Buffer.from([100, 0]), Buffer.from([115]), Buffer.from([118, 0]), Buffer.from([119])];
  for (const head of heads) {
    const atomBytes = (name: string) => [head, Buffer.from([name.length]), Buffer.from(name)];
    const middle = [phone.number].map((number) => encodeFragment(Buffer.from(number)));
    const fields = Buffer.from([106, 106, 106, 97, 0, 97, 0, 106]);
    const request = [
      Buffer.from([131, 104, 9]),
      ...atomBytes('Profile'),
      ...middle,
      fields,
      ...atomBytes('get'),
    ];
    const { payload } = await phone.exchange(Buffer.concat(request));
    assert.deepEqual(payload, expected);
  }
});

test('a compressed request is read', async () => {
  const phone = await harness.phone();
  const stored = await fill(phone);
  const term = encode(get(phone)).subarray(1);
  const head = Buffer.from([131, 80, 0, 0, 0, term.length]);
  assert.deepEqual(await phone.ask(Buffer.concat([head, deflateSync(term)])), stored);
});

test('get changes nothing in Redis', async () => {
  const phone = await harness.phone();
  await fill(phone);
  const state = () => harness.database.hgetallBuffer(`profile:{${phone.number}}`);
  const before = await state();
  for (let count = 0; count < 3; count++) await phone.ask(get(phone));
  assert.deepEqual(await state(), before);
});

test('after a counterparty has changed a contact, all gets answer the same: the changed one at its old index', async () => {
  const [phone, friend] = [await harness.phone(), await harness.phone()];
  const entries = [
    contact({ phoneId: '380670000001_1', names: 'before' }),
    contact({ phoneId: `${friend.number}_4`, names: 'friend', settings: [feature('K', 'v')] }),
    contact({ phoneId: '380670000002_1', names: 'behind' }),
  ];
  const rosters = [roster({ id: 9, names: 'mine', userlist: entries }), roster({ id: 10 })];
  await phone.ask(profile({ phone: phone.number, rosters, status: 'set' }));
  const friends = [roster({ id: 4, userlist: [contact({ phoneId: `${phone.number}_9` })] })];
  await friend.ask(profile({ phone: friend.number, rosters: friends, status: 'set' }));
  const update = Date.now() + 60_000;
  await friend.ask(profile({ phone: friend.number, update, presence: atom('away'), status: 'update' }));
  await harness.idle();

  const cold = await phone.exchange(get(phone));
  const warm = await phone.exchange(get(phone));
  assert.deepEqual(cold.payload, warm.payload);
  const changed = contact({
    phoneId: `${friend.number}_4`,
    names: 'friend',
    settings: [feature('K', 'v')],
    update,
    presence: atom('away'),
  });
  assert.deepEqual(fieldsOf(decode(cold.payload)).rosters, [
    roster({ id: 9, names: 'mine', userlist: [entries[0]!, changed, entries[2]!] }),
    roster({ id: 10 }),
  ]);
});

test('a profile stored through one worker is answered by every worker', async (t) => {
  const own = await startHarness({ workers: 2 });
  t.after(() => own.stop());
  const phone = await own.phone();
  await phone.ask(profile({ phone: phone.number, presence: atom('online'), status: 'set' }));
  const seen = await Promise.all(own.workers.map((worker) => worker.metric(answered)));
  for (let count = 0; seen.some((number) => number === 0); count++) {
    assert.ok(count < 100, 'both workers take requests');
    assert.deepEqual(fieldsOf(await phone.ask(get(phone))).presence, atom('online'));
    seen.splice(0, 2, ...(await Promise.all(own.workers.map((worker) => worker.metric(answered)))));
  }
});

const answered = 'profile_requests_total{kind="get",result="ok",lane="fast"}';

test('a prefix stands before every key, also before that of the session', async (t) => {
  const own = await startHarness({ settings: { REDIS_KEY_PREFIX: 'eu:' } });
  t.after(() => own.stop());
  const phone = await own.phone();
  assert.deepEqual(await phone.ask(get(phone)), refusal('not_authorized'));
  await own.database.hset(`eu:session:${phone.client}`, 'phone', phone.number);
  await phone.ask(profile({ phone: phone.number, presence: atom('online'), status: 'set' }));
  assert.equal((await own.database.keys('profile:*')).length, 0);
  assert.equal(await own.database.exists(`eu:profile:{${phone.number}}`), 1);
});

test('an invalid session in the same turn as others harms nobody else', async () => {
  const [phone, ...others] = await Promise.all([harness.phone(), harness.phone(), harness.phone()]);
  await harness.database.set(`session:${phone.client}`, 'not a hash');
  const answers = await Promise.all([phone, ...others].map((each) => each.ask(get(each))));
  assert.deepEqual(answers, [refusal('internal'), refusal('not_found'), refusal('not_found')]);
});
