/**
 * Only friends receive notices of a profile. Banned contacts, contacts that banned it, and open requests receive
 * nothing and stay unchanged.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, encodeFragment, type Term, Tuple } from '../../src/etf/index.ts';
import { changeContact, contactStatus, outlivesRemoval } from '../../src/protocol/contact.ts';
import { afterMove, contactsOf, entry, idOf, read } from '../harness/address-books.ts';
import { openStoresOf } from '../harness/direct-calls.ts';
import { type Phone, startHarness } from '../harness/harness.ts';
import { ask as askToMove, confirm } from '../harness/migration.ts';
import { fieldsOf, profile, roster } from '../harness/terms.ts';

const harness = await startHarness({ workers: 2 });
after(() => harness.stop());

const silent = ['request', 'authorization', 'ignore', 'ban', 'banned', 'deleted', 'nonexised'];
const friendly: Term[] = [[], atom('friend'), atom('undefined'), atom('muted'), new Uint8Array([1])];
const statuses = [...silent.map(atom), ...friendly];
const sides = ['own', 'other'] as const;

/** A contact, and whether it is silent. */
interface Case {
  readonly name: string;
  readonly phone: Phone;
  readonly side: (typeof sides)[number];
  readonly status: Term;
  readonly isSilent: boolean;
}

/** A phone with contacts in each status on each side; all have it as a contact. */
async function population(): Promise<{ phone: Phone; cases: Case[] }> {
  const phone = await harness.phone();
  const cases: Case[] = [];
  for (const side of sides)
    for (const [index, status] of statuses.entries()) {
      const contact = await harness.phone();
      const isSilent = index < silent.length;
      const name = `${side} ${isSilent ? silent[index] : `friendly ${index - silent.length}`}`;
      await set(contact, [entry(idOf(phone), side === 'other' ? { status } : {})]);
      cases.push({ name, phone: contact, side, status, isSilent });
    }
  const entries = cases.map((each) =>
    entry(idOf(each.phone), each.side === 'own' ? { status: each.status } : {}),
  );
  await set(phone, entries);
  return { phone, cases };
}

async function set(phone: Phone, userlist: Term[]): Promise<void> {
  const rosters = [roster({ id: 1, userlist })];
  fieldsOf(await phone.ask(profile({ phone: phone.number, rosters, status: 'set' })));
}

/** Each contact's entry of the phone, and the notices it received, after an event. */
async function outcomes(cases: readonly Case[], happening: () => Promise<void>) {
  const before = await Promise.all(cases.map((each) => read(each.phone)));
  await happening();
  await harness.idle();
  return Promise.all(
    cases.map(async (each, index) => {
      const after = await read(each.phone);
      const [own] = contactsOf(after.rosters)['1'] ?? [];
      return { ...each, before: before[index], after, own, notices: await each.phone.newNotices() };
    }),
  );
}

const statusOf = (contact: Term | undefined): Term | undefined =>
  contact instanceof Tuple ? contact.elements.at(-1) : undefined;

test('update: friends get the notice, for all others nothing changes', async () => {
  const { phone, cases } = await population();
  const results = await outcomes(cases, async () => {
    const request = { phone: phone.number, presence: atom('away'), update: Date.now() + 1000 };
    fieldsOf(await phone.ask(profile({ ...request, status: 'update' })));
  });
  for (const { name, isSilent, before, after, own, notices } of results) {
    assert.deepEqual(notices, isSilent ? [] : [own], name);
    if (isSilent) assert.deepEqual(after, before, name);
    else assert.deepEqual((own as Tuple).elements[13], atom('away'), name);
  }
});

test('phone: friends get the new number; phones that it banned do not, and phones that banned it keep that entry', async () => {
  const { phone, cases } = await population();
  const fresh = await harness.phone();
  await askToMove(phone, fresh);
  const results = await outcomes(cases, async () => {
    fieldsOf(await fresh.ask(confirm(fresh)));
  });
  for (const { name, isSilent, before, after, own, notices } of results) {
    assert.deepEqual(notices, isSilent ? [] : afterMove(own, idOf(phone)), name);
    if (isSilent) assert.deepEqual(after, before, name);
    else assert.deepEqual((own as Tuple).elements[1], entry(idOf(fresh)).elements[1], name);
  }
  // The profile keeps its own bans.
  const kept = contactsOf((await read(fresh)).rosters)['1'] ?? [];
  const expected = cases.map(({ side, status }) => (side === 'own' && !isUnset(status) ? status : []));
  assert.deepEqual(kept.map(statusOf), expected);
  // Nobody receives notices of it under the new number either.
  const later = await outcomes(cases, async () => {
    fieldsOf(await fresh.ask(profile({ phone: fresh.number, presence: atom('out'), status: 'update' })));
  });
  for (const { name, isSilent, notices } of later) assert.equal(notices.length, isSilent ? 0 : 1, name);
});

test('remove: all contacts get the notice except those banned, ignored or already deleted, on either side', async () => {
  const { phone, cases } = await population();
  const results = await outcomes(cases, async () => {
    await phone.ask(profile({ phone: phone.number, status: 'remove' }));
  });
  for (const { name, before, after, own, notices } of results) {
    const isLeft = / (ban|banned|ignore|deleted)$/.test(name);
    assert.deepEqual(notices, isLeft ? [] : [own], name);
    if (isLeft) assert.deepEqual(after, before, name);
    else assert.deepEqual(statusOf(own), atom('deleted'), name);
  }
});

test('a ban on either side applies from the next update on', async () => {
  const [phone, friend] = [await harness.phone(), await harness.phone()];
  await set(phone, [entry(idOf(friend))]);
  await set(friend, [entry(idOf(phone))]);
  const update = (presence: string) =>
    phone.ask(profile({ phone: phone.number, presence: atom(presence), status: 'update' }));
  await update('here');
  await harness.idle();
  assert.equal((await friend.newNotices()).length, 1);
  await set(friend, [entry(idOf(phone), { status: atom('ban') })]);
  await update('there');
  await harness.idle();
  assert.deepEqual(await friend.newNotices(), []);
  await set(friend, [entry(idOf(phone))]);
  await set(phone, [entry(idOf(friend), { status: atom('ignore') })]);
  await update('away');
  await harness.idle();
  assert.deepEqual(await friend.newNotices(), []);
});

test('a repeated removal notifies again, but keeps contacts that have become friends since', async (t) => {
  const { stores, close } = await openStoresOf(harness);
  t.after(close);
  const [phone, friend] = [await harness.phone(), await harness.phone()];
  await set(friend, [entry(idOf(phone))]);
  const status = (word: string) => encodeFragment(atom(word));
  const change = () =>
    stores.contacts.change(
      friend.number,
      { roster: '1', phoneId: idOf(phone) },
      (contact) =>
        outlivesRemoval(contact) ? undefined : changeContact(contact, { status: status('deleted') }),
      'a removal',
    );
  const deleted = await change();
  assert.ok(deleted && contactStatus(deleted) === 'deleted');
  assert.deepEqual(await change(), deleted);
  await set(friend, [entry(idOf(phone), { status: atom('friend') })]);
  await change();
  assert.deepEqual(statusOf(contactsOf((await read(friend)).rosters)['1']?.[0]), atom('friend'));
});

const isUnset = (status: Term): boolean =>
  Array.isArray(status) || JSON.stringify(status) === JSON.stringify(atom('undefined'));
