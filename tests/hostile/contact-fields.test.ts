/** Two rosters whose ids and contacts run together to one text do not share a contact. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { encodeFragment } from '../../src/etf/index.ts';
import type { ContactEntry } from '../../src/protocol/roster.ts';
import { contactField } from '../../src/store/contacts.ts';
import { type Harness, type Phone, startHarness } from '../harness/harness.ts';
import { contact, elementsOf, fieldsOf, profile, roster } from '../harness/terms.ts';

let harness: Harness;
before(async () => {
  harness = await startHarness();
});
after(() => harness.stop());

const one = contact({ phoneId: 'b:c', names: 'one' });
const other = contact({ phoneId: 'c', names: 'other' });
const rosters = [roster({ id: 'a', userlist: [one] }), roster({ id: 'a:b', userlist: [other] })];

const getRosters = async (phone: Phone) =>
  elementsOf(fieldsOf(await phone.ask(profile({ phone: phone.number, status: 'get' }))).rosters);

/** Have the next reader join the rosters with their contacts again. */
const forgetJoined = (phone: Phone) => harness.database.hdel(`profile:{${phone.number}}`, 'rosters');

test('the rosters a with contact b:c and a:b with c keep their contacts', async () => {
  const phone = await harness.phone();
  await phone.ask(profile({ phone: phone.number, rosters, status: 'set' }));
  assert.equal(await harness.database.hlen(`contacts:{${phone.number}}`), 2);
  assert.equal(await forgetJoined(phone), 1);
  assert.deepEqual(await getRosters(phone), rosters);
});

test('what an earlier version has stored is read, each contact in its roster; a set writes it anew', async () => {
  const phone = await harness.phone();
  const key = `contacts:{${phone.number}}`;
  const plain = roster({ id: 'x:y', userlist: [contact({ phoneId: '380671112233_1' })] });
  await phone.ask(profile({ phone: phone.number, rosters: [plain], status: 'set' }));
  const [field = ''] = await harness.database.hkeys(key);
  await harness.database.hset(
    key,
    'x:y:380671112233_1',
    (await harness.database.hgetBuffer(key, field)) ?? '',
  );
  await harness.database.hdel(key, field);
  assert.equal(await forgetJoined(phone), 1);
  assert.deepEqual(await getRosters(phone), [plain]);
  await phone.ask(profile({ phone: phone.number, rosters: [plain], status: 'set' }));
  assert.deepEqual(await harness.database.hkeys(key), [field]);
});

test('a field of an earlier version belongs to the roster whose contact stands there', async () => {
  const phone = await harness.phone();
  const key = `contacts:{${phone.number}}`;
  await phone.ask(profile({ phone: phone.number, rosters, status: 'set' }));
  await harness.database.hdel(key, contactField({ roster: 'a:b', phoneId: 'c' }));
  await harness.database.hset(key, 'a:b:c', Buffer.from(encodeFragment(one)));
  assert.equal(await forgetJoined(phone), 1);
  assert.deepEqual(await getRosters(phone), [rosters[0], roster({ id: 'a:b', userlist: [] })]);
});

test('a friend’s news reaches a contact in a roster with a colon in its id', async () => {
  const [phone, friend] = [await harness.phone(), await harness.phone()];
  const hold = (owner: Phone, id: string, phoneId: string) =>
    owner.ask(
      profile({
        phone: owner.number,
        rosters: [roster({ id, userlist: [contact({ phoneId })] })],
        status: 'set',
      }),
    );
  await hold(friend, 'a:b', `${phone.number}_1`);
  await hold(phone, '1', `${friend.number}_a:b`);
  const update = Date.now() + 60_000;
  await phone.ask(profile({ phone: phone.number, update, status: 'update' }));
  await harness.idle();
  const entry = contact({ phoneId: `${phone.number}_1`, update });
  assert.deepEqual(await friend.newNotices(), [entry]);
  assert.deepEqual(await getRosters(friend), [roster({ id: 'a:b', userlist: [entry] })]);
});

const part = fc.string({ unit: fc.constantFrom('a', '1', '2', '_'), minLength: 1, maxLength: 3 });
const parts = fc.array(part, { minLength: 3, maxLength: 6 });

/** All entries whose roster id and phone_id, with a colon between, are one text. */
const entriesOf = (texts: readonly string[]): ContactEntry[] =>
  texts.slice(1).map((_, index) => ({
    roster: texts.slice(0, index + 1).join(':'),
    phoneId: texts.slice(index + 1).join(':'),
  }));

test('no two contacts of a profile have one field; that of a plain roster is <roster id>:<phone_id>', () => {
  fc.assert(
    fc.property(parts, parts, (first, second) => {
      const entries = [...entriesOf(first), ...entriesOf(second), { roster: ':3:a', phoneId: 'b' }];
      const different = new Set(entries.map((entry) => JSON.stringify([entry.roster, entry.phoneId])));
      assert.equal(new Set(entries.map(contactField)).size, different.size);
      const [plain] = entriesOf(first);
      assert.equal(plain && contactField(plain), first.join(':'));
    }),
    { numRuns: 1000 },
  );
});
