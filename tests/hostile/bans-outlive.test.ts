/** A ban ends when its owner ends it: neither what it stands against, nor anybody who takes that number, can lift it. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { atom, type Term } from '../../src/etf/index.ts';
import { afterMove, contactsOf, entry, idOf, keep, read } from '../harness/address-books.ts';
import { type Harness, type Phone, startHarness } from '../harness/harness.ts';
import { move } from '../harness/migration.ts';
import { feature, fieldsOf, profile, roster } from '../harness/terms.ts';

let harness: Harness;
before(async () => {
  harness = await startHarness({ workers: 2 });
});
after(() => harness.stop());

const bans = ['ban', 'banned', 'ignore'];

async function hold(phone: Phone, ...userlist: Term[]): Promise<void> {
  const rosters = [roster({ id: 1, userlist })];
  fieldsOf(await phone.ask(profile({ phone: phone.number, rosters, status: 'set' })));
}

const entriesOf = async (phone: Phone): Promise<Term[]> => contactsOf((await read(phone)).rosters)['1'] ?? [];

const update = async (phone: Phone): Promise<void> => {
  const news = { phone: phone.number, presence: atom('here'), update: Date.now() + 1000 };
  fieldsOf(await phone.ask(profile({ ...news, status: 'update' })));
  await harness.idle();
};

for (const status of bans) {
  test(`who stands under ${status} cannot lift it by removing itself and coming again`, async () => {
    const [victim, attacker] = [await harness.phone(), await harness.phone()];
    const kept = entry(idOf(attacker), { status: atom(status) });
    await keep(attacker, { 1: [idOf(victim)] });
    await hold(victim, kept);
    await attacker.ask(profile({ phone: attacker.number, status: 'remove' }));
    await harness.idle();
    assert.deepEqual(await entriesOf(victim), [kept]);
    await harness.signIn(attacker.client, attacker.number);
    await keep(attacker, { 1: [idOf(victim)] });
    await update(attacker);
    assert.deepEqual(await victim.newNotices(), []);
    assert.deepEqual(await entriesOf(victim), [kept]);
  });

  test(`who stands under ${status} cannot lift it by moving a friend of the victim to its number`, async () => {
    const [victim, attacker, second] = [await harness.phone(), await harness.phone(), await harness.phone()];
    const elsewhere = await harness.phone();
    const kept = entry(idOf(attacker), { status: atom(status) });
    for (const phone of [attacker, second]) await keep(phone, { 1: [idOf(victim)] });
    await hold(victim, entry(idOf(second)), entry('x'), kept);
    await move(harness, attacker, elsewhere);
    const again = await harness.phone({ number: attacker.number });
    await second.ask(profile({ phone: attacker.number, status: 'migrate' }));
    const settings = [feature('OLD_PHONE', second.number)];
    fieldsOf(await again.ask(profile({ phone: attacker.number, status: 'phone', settings })));
    await harness.idle();
    assert.deepEqual(await entriesOf(victim), [entry('x'), kept]);
    await update(again);
    assert.deepEqual(await victim.newNotices(), []);
    assert.deepEqual(await entriesOf(victim), [entry('x'), kept]);
  });

  test(`whom a profile has under ${status} hears nothing of its removal`, async () => {
    const [phone, other] = [await harness.phone(), await harness.phone()];
    await keep(other, { 1: [idOf(phone)] });
    await hold(phone, entry(idOf(other), { status: atom(status) }));
    const before = await entriesOf(other);
    await phone.ask(profile({ phone: phone.number, status: 'remove' }));
    await harness.idle();
    assert.deepEqual(await other.newNotices(), []);
    assert.deepEqual(await entriesOf(other), before);
  });
}

test('a friend who moves to a number that the other side holds otherwise takes that entry’s place', async () => {
  for (const status of ['request', 'authorization', 'deleted', 'nonexised']) {
    const [friend, other, fresh] = [await harness.phone(), await harness.phone(), await harness.phone()];
    await keep(friend, { 1: [idOf(other)] });
    await hold(other, entry(idOf(fresh), { status: atom(status) }), entry(idOf(friend)));
    await move(harness, friend, fresh);
    assert.equal((await entriesOf(other)).length, 1, status);
    const [renamed] = await entriesOf(other);
    assert.deepEqual(await other.newNotices(), afterMove(renamed, idOf(friend)), status);
  }
});
