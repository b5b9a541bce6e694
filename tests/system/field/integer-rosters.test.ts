/** `set` with integers in `rosters`: each names a stored roster, which stays with its contacts. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, type Term, type Tuple } from '../../../src/etf/index.ts';
import {
  askFields as ask,
  contactsOf,
  friends,
  idOf,
  keep,
  read,
  rostersOf,
} from '../../harness/address-books.ts';
import { type Phone, startHarness } from '../../harness/harness.ts';
import { contact, elementsOf, feature, profile, refusal, roster } from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

const book = { 1: ['380671110001_1', '380671110002_1'], 2: ['380671110003_1'] };
const [first, second] = rostersOf(book) as [Tuple, Tuple];

/** A phone with both rosters. */
async function owner(): Promise<Phone> {
  const phone = await harness.phone();
  await keep(phone, book);
  return phone;
}

const set = async (phone: Phone, rosters: Term) => (await ask(phone, 'set', { rosters })).rosters;

test('[1] over a stored roster 1 keeps it with its contacts; the one that is not named goes', async () => {
  const phone = await owner();
  assert.deepEqual(await set(phone, [1]), [first]);
  assert.deepEqual((await read(phone)).rosters, [first]);
  const fields = await harness.database.hkeys(`contacts:{${phone.number}}`);
  assert.deepEqual(fields.sort(), book[1].map((phoneId) => `1:${phoneId}`).sort());
});

test('integers give the order, and stand beside records', async () => {
  const phone = await owner();
  assert.deepEqual(await set(phone, [2, 1]), [second, first]);
  const third = roster({ id: 3, userlist: [contact({ phoneId: '380671110009_1' })] });
  assert.deepEqual(await set(phone, [third, 1]), [third, first]);
  assert.deepEqual((await read(phone)).rosters, [third, first]);
});

test('a record replaces the stored roster of its id, an integer beside it keeps another', async () => {
  const phone = await owner();
  const emptied = roster({ id: 1 });
  assert.deepEqual(await set(phone, [emptied, 2]), [emptied, second]);
});

test('an unknown integer is kept as a bare id, also where there was no profile', async () => {
  const phone = await harness.phone();
  assert.deepEqual(await set(phone, [7, 1000]), [7, 1000]);
  assert.deepEqual(await set(phone, [1000, 8]), [1000, 8]);
  assert.deepEqual((await read(phone)).rosters, [1000, 8]);
  await keep(phone, book);
  assert.deepEqual(await set(phone, [2, 77]), [second, 77]);
});

test('all integers in their order change no roster, and the rest of the set counts', async () => {
  const phone = await owner();
  const settings = [feature('LANG', 'uk')];
  const answer = await ask(phone, 'set', { rosters: [1, 2], settings });
  assert.deepEqual([answer.rosters, answer.settings], [[first, second], settings]);
  assert.deepEqual((await read(phone)).rosters, [first, second]);
});

test('a roster with a text for its id, and one with [] for 0, are named by an integer', async () => {
  const phone = await harness.phone();
  const kept = [[], '5'].map((id) => roster({ id, userlist: [contact({ phoneId: '380671110009_1' })] }));
  assert.deepEqual(await set(phone, kept), kept);
  assert.deepEqual(await set(phone, [5, 0]), [kept[1], kept[0]]);
});

test('one id twice is invalid_data, as a record or as an integer, and nothing changes', async () => {
  const phone = await owner();
  for (const rosters of [
    [roster({ id: 1 }), 1],
    [2, 2],
    [300, 300],
  ] as Term[]) {
    const answer = await phone.ask(profile({ phone: phone.number, rosters, status: 'set' }));
    assert.deepEqual(answer, refusal('invalid_data'));
  }
  assert.deepEqual((await read(phone)).rosters, [first, second]);
});

test('contacts of a named roster that others change meanwhile keep every change', async () => {
  const [phone, friend] = await friends(harness);
  const presences = Array.from({ length: 30 }, (_, index) => atom(`p${index}`));
  const updates = async () => {
    for (const [index, presence] of presences.entries())
      await ask(friend, 'update', { update: Date.now() + 60_000 + index, presence });
  };
  const sets = async () => {
    // Each set rewrites the contacts: the integer is beside a record.
    for (const index of presences.keys())
      assert.equal(elementsOf(await set(phone, [1, roster({ id: 100 + index })])).length, 2);
  };
  await Promise.all([updates(), sets()]);
  await harness.idle();
  const { 1: contacts } = contactsOf((await read(phone)).rosters);
  const { update } = await read(friend);
  const expected = contact({ phoneId: idOf(friend, 2), update: update ?? 0, presence: atom('p29') });
  assert.deepEqual(contacts, [expected]);
});
