/** `phone` and the counterparties: their entries get the new `phone_id`, and each is notified. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, encode, type Term } from '../../../src/etf/index.ts';
import { afterMove, contactNamed, contactsOf, entry, idOf, keep, read } from '../../harness/address-books.ts';
import { type Phone, startHarness } from '../../harness/harness.ts';
import { move as moveOn } from '../../harness/migration.ts';
import { profile } from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

const move = (from: Phone, to: Phone) => moveOn(harness, from, to);

test('counterparties’ entries get the new phone_id at their old index, all else in them stays, two notices each', async () => {
  const [old, fresh, friend] = [await harness.phone(), await harness.phone(), await harness.phone()];
  await keep(old, { 1: [idOf(friend, 3)] });
  await keep(friend, { 3: ['380670000001_1', idOf(old), '380670000002_1'] });
  await move(old, fresh);
  const renamed = contactNamed(idOf(old), idOf(fresh));
  assert.deepEqual(contactsOf((await read(friend)).rosters), {
    3: [entry('380670000001_1'), renamed, entry('380670000002_1')],
  });
  assert.deepEqual(await friend.newNotices(), afterMove(renamed, idOf(old)));
  // The new phone_id is complete: notices use it in both directions.
  await fresh.ask(profile({ phone: fresh.number, presence: atom('away'), status: 'update' }));
  await harness.idle();
  assert.deepEqual((await friend.newNotices()).length, 1);
  await friend.ask(profile({ phone: friend.number, presence: atom('away'), status: 'update' }));
  await harness.idle();
  assert.deepEqual((await fresh.newNotices()).length, 1);
});

test('several rosters on both sides: each pair is renamed and notified of once, entries without a pair stay', async () => {
  const [old, fresh, friend] = [await harness.phone(), await harness.phone(), await harness.phone()];
  await keep(old, { 1: [idOf(friend, 4)], 2: [idOf(friend, 4), idOf(friend, 5)] });
  await keep(friend, { 4: [idOf(old, 2), 'x', idOf(old, 1)], 5: [idOf(old, 1), idOf(old, 2)] });
  await move(old, fresh);
  const renamed = (roster: number) => contactNamed(idOf(old, roster), idOf(fresh, roster));
  assert.deepEqual(contactsOf((await read(friend)).rosters), {
    4: [renamed(2), entry('x'), renamed(1)],
    5: [entry(idOf(old, 1)), renamed(2)],
  });
  assert.deepEqual(
    sorted(await friend.newNotices()),
    sorted([1, 2, 2].flatMap((id) => afterMove(renamed(id), idOf(old, id)))),
  );
});

test('a counterparty that has the new phone_id already keeps one entry: the old one, renamed, at its index', async () => {
  const [old, fresh, before, behind] = [
    await harness.phone(),
    await harness.phone(),
    await harness.phone(),
    await harness.phone(),
  ];
  await keep(old, { 1: [idOf(before), idOf(behind)] });
  await keep(before, { 1: [idOf(fresh), 'x', idOf(old), 'y'] });
  await keep(behind, { 1: ['x', idOf(old), 'y', idOf(fresh)] });
  await move(old, fresh);
  const renamed = contactNamed(idOf(old), idOf(fresh));
  for (const friend of [before, behind]) {
    assert.deepEqual(contactsOf((await read(friend)).rosters), { 1: [entry('x'), renamed, entry('y')] });
    assert.deepEqual(await friend.newNotices(), afterMove(renamed, idOf(old)));
  }
});

test('a contact that has only the new phone_id, or neither, is neither notified nor changed', async () => {
  const [old, fresh, newOnly, neither] = [
    await harness.phone(),
    await harness.phone(),
    await harness.phone(),
    await harness.phone(),
  ];
  await keep(old, { 1: [idOf(newOnly), idOf(neither)] });
  await keep(newOnly, { 1: [idOf(fresh)] });
  await keep(neither, { 1: ['380670000001_1'] });
  const before = await Promise.all([newOnly, neither].map(read));
  await move(old, fresh);
  assert.deepEqual(await Promise.all([newOnly, neither].map(read)), before);
  for (const one of [newOnly, neither]) assert.deepEqual(await one.newNotices(), []);
});

test('an entry for oneself gets the new phone_id too, and the notice arrives under the new phone', async () => {
  const [old, fresh] = [await harness.phone(), await harness.phone()];
  await keep(old, { 1: ['x', idOf(old, 1), idOf(old, 2)], 2: [idOf(old, 1)] });
  await move(old, fresh);
  const renamed = (roster: number) => contactNamed(idOf(old, roster), idOf(fresh, roster));
  assert.deepEqual(contactsOf((await read(fresh)).rosters), {
    1: [entry('x'), renamed(1), renamed(2)],
    2: [renamed(1)],
  });
  assert.deepEqual(
    sorted(await fresh.newNotices()),
    sorted([1, 1, 2].flatMap((id) => afterMove(renamed(id), idOf(old, id)))),
  );
  assert.deepEqual(await old.newNotices(), []);
});

/** Sorted, because notices for different rosters come in any order. */
const sorted = (terms: Term[]): string[] => terms.map((term) => encode(term).toString('hex')).sort();
