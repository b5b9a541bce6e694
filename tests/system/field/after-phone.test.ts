/** After `phone`: friends hear that the old `phone_id` is deleted, and the new one; every session of the phone hears the profile. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, decode, type Term } from '../../../src/etf/index.ts';
import { contactNamed, entry, idOf, keep } from '../../harness/address-books.ts';
import { type Phone, startHarness } from '../../harness/harness.ts';
import { ask, confirm } from '../../harness/migration.ts';
import { feature, fieldsOf, profile, refusal, roster } from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

/** What a friend hears of one pair of rosters, in this order. */
const heard = (old: Phone, fresh: Phone, id = 1): Term[] => [
  entry(idOf(old, id), { status: atom('deleted') }),
  contactNamed(idOf(old, id), idOf(fresh, id)),
];

test('each friend hears that the old phone_id is deleted, then the new one, for each pair of rosters', async () => {
  const [old, fresh] = [await harness.phone(), await harness.phone()];
  const [friend, other, stranger] = [await harness.phone(), await harness.phone(), await harness.phone()];
  await keep(old, { 1: [idOf(friend), idOf(other), idOf(stranger)], 2: [idOf(friend)] });
  await keep(friend, { 1: [idOf(old), idOf(old, 2)] });
  await keep(other, { 1: [idOf(old)] });
  await keep(stranger, { 1: ['380670000001_1'] });
  await ask(old, fresh);
  fieldsOf(await fresh.ask(confirm(fresh)));
  await harness.idle();
  assert.deepEqual(await other.newNotices(), heard(old, fresh));
  assert.deepEqual(await friend.newNotices(), [...heard(old, fresh), ...heard(old, fresh, 2)]);
  assert.deepEqual(await stranger.newNotices(), []);
});

test('who banned the old or the new phone_id hears neither', async () => {
  const [old, fresh] = [await harness.phone(), await harness.phone()];
  const [banning, banningNew] = [await harness.phone(), await harness.phone()];
  await keep(old, { 1: [idOf(banning), idOf(banningNew)] });
  for (const [phone, userlist] of [
    [banning, [entry(idOf(old), { status: atom('ban') })]],
    [banningNew, [entry(idOf(old)), entry(idOf(fresh), { status: atom('banned') })]],
  ] as const) {
    const rosters = [roster({ id: 1, userlist: [...userlist] })];
    fieldsOf(await phone.ask(profile({ phone: phone.number, rosters, status: 'set' })));
  }
  await ask(old, fresh);
  fieldsOf(await fresh.ask(confirm(fresh)));
  await harness.idle();
  for (const phone of [banning, banningNew]) assert.deepEqual(await phone.newNotices(), []);
});

test('every session of the phone hears the profile: those that have just moved, and others of the new phone', async () => {
  const [old, fresh] = [await harness.phone(), await harness.phone()];
  const [moved, beside] = [
    await harness.phone({ number: old.number }),
    await harness.phone({ number: fresh.number }),
  ];
  const stranger = await harness.phone();
  await keep(old, { 1: ['380670000001_1'] }, { settings: [feature('LANG', 'uk')] });
  await ask(old, fresh);
  const properties = { correlationData: Buffer.from([1]) };
  const answer = decode((await fresh.exchange(confirm(fresh), { properties })).payload);
  assert.deepEqual(fieldsOf(answer).settings, [feature('LANG', 'uk')]);
  for (const phone of [old, moved, beside]) {
    const { payload, properties: own } = await phone.take();
    assert.deepEqual(decode(payload), answer);
    assert.equal(own?.correlationData, undefined, 'it belongs to the request of another');
  }
  await harness.idle();
  for (const phone of [old, moved, beside, fresh, stranger]) {
    await phone.fence();
    assert.deepEqual(phone.answers, [], 'once');
  }
  // What they heard is theirs: they ask for the new phone from now on.
  for (const phone of [old, moved]) {
    assert.deepEqual(
      fieldsOf(await phone.ask(profile({ phone: fresh.number, status: 'get' }))).rosters,
      fieldsOf(answer).rosters,
    );
    assert.deepEqual(
      await phone.ask(profile({ phone: old.number, status: 'get' })),
      refusal('not_authorized'),
    );
  }
});
