/**
 * A crash interrupts a request, and its client is signed out before the redelivery: the request is completed, and the
 * client receives nothing.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { atom, decode, print, type Term } from '../../src/etf/index.ts';
import { carryOut, openStoresOf, requestOf } from '../harness/direct-calls.ts';
import { PUBACK, PUBLISH } from '../harness/framing.ts';
import { eventually, type Phone } from '../harness/harness.ts';
import { type RelayedHarness, startRelayedHarness } from '../harness/relayed-worker.ts';
import { contact, feature, fieldsOf, profile, refusal, roster } from '../harness/terms.ts';

const notAuthorized = refusal('not_authorized');
const secret = feature('NOTE', 'only for this phone');

let own: RelayedHarness;
beforeEach(async () => {
  own = await startRelayedHarness();
});
afterEach(() => own.stop());

/** A phone that has itself as a contact, and another phone that has it too. */
async function friends(): Promise<[Phone, Phone]> {
  const [phone, friend] = [await own.harness.phone(), await own.harness.phone()];
  for (const [one, other] of [
    [phone, friend],
    [friend, phone],
  ] as const) {
    const userlist = [contact({ phoneId: `${other.number}_1` })];
    const rosters = [roster({ id: 1, userlist })];
    fieldsOf(await one.ask(profile({ phone: one.number, rosters, settings: [secret], status: 'set' })));
  }
  await own.harness.idle();
  return [phone, friend];
}

/**
 * Sends a request, and kills the worker when this condition holds, before any of its messages has reached the broker.
 */
async function cutOff(phone: Phone, asked: Term, when: () => Promise<boolean>): Promise<void> {
  own.relay.lose(PUBLISH, PUBACK);
  await phone.send(asked);
  await eventually('the effect has happened', when);
  await own.worker.process.kill('SIGKILL');
  own.relay.lose();
}

async function goOn(): Promise<void> {
  await own.worker.process.restart();
  await eventually(
    'it came again',
    async () => (await own.worker.metric('profile_redeliveries_total')) === 1,
  );
  await own.harness.idle();
}

test('remove continues: counterparties are notified, and the new owner of the number keeps its data', async () => {
  const [phone, friend] = await friends();
  const { number } = phone;
  await cutOff(phone, profile({ phone: number, status: 'remove' }), async () =>
    Boolean(await own.harness.database.hexists(`removal:{${number}}`, 'ended')),
  );
  const { stores, close } = await openStoresOf(own.harness);
  const next = await own.harness.phone({ number });
  const set = profile({ phone: number, presence: atom('next'), status: 'set' });
  assert.equal((await carryOut(requestOf(next, set), stores)).result, 'ok');
  await close();
  await goOn();
  assert.deepEqual(decode((await phone.take()).payload), profile({ phone: number, status: 'remove' }));
  assert.match(print(await lastNotice(friend)), /deleted/);
  assert.equal(await own.harness.database.exists(`removal:{${number}}`), 0);
  assert.deepEqual(
    fieldsOf(await next.ask(profile({ phone: number, status: 'get' }))).presence,
    atom('next'),
  );
});

test('update continues: counterparties are notified, the client receives not_authorized', async () => {
  const [phone, friend] = await friends();
  const { number, client } = phone;
  const update = profile({
    phone: number,
    update: Date.now() + 1000,
    presence: atom('late'),
    status: 'update',
  });
  await cutOff(
    phone,
    update,
    async () => (await own.harness.database.keys(`done:{${number}}:*`)).length === 2,
  );
  await own.harness.database.del(`session:${client}`);
  await goOn();
  assert.deepEqual(decode((await phone.take()).payload), notAuthorized);
  assert.match(print(await lastNotice(friend)), /late/);
});

test('phone continues: counterparties are notified and the move ends, the client receives not_authorized', async () => {
  const [old, friend] = await friends();
  const phone = await own.harness.phone();
  await old.ask(profile({ phone: phone.number, status: 'migrate' }));
  await own.harness.idle();
  await cutOff(phone, profile({ phone: phone.number, status: 'phone' }), async () =>
    Boolean(await own.harness.database.hexists(`migration:{${phone.number}}`, 'settled')),
  );
  await own.harness.database.del(`session:${phone.client}`);
  await goOn();
  assert.deepEqual(decode((await phone.take()).payload), notAuthorized);
  assert.match(print(await lastNotice(friend)), RegExp(`${phone.number}_1`));
  assert.deepEqual(await own.harness.database.keys(`{migration,leaving}:{${phone.number}}`), []);
  assert.equal(await own.harness.database.hget(`session:${old.client}`, 'phone'), phone.number);
});

test('a phone that never was authorized confirms nothing by a redelivery', async () => {
  const [old] = await friends();
  const [phone, stranger] = [await own.harness.phone(), await own.harness.phone()];
  await old.ask(profile({ phone: phone.number, status: 'migrate' }));
  await own.harness.idle();
  const lost = own.relay.lost;
  const confirm = profile({ phone: phone.number, status: 'phone' });
  await cutOff(stranger, confirm, async () => own.relay.lost > lost);
  await goOn();
  assert.deepEqual(decode((await stranger.take()).payload), notAuthorized);
  assert.equal(await own.harness.database.exists(`profile:{${phone.number}}`), 0);
});

async function lastNotice(phone: Phone): Promise<Term> {
  await eventually('it is notified', () => phone.notices.length > 0);
  return (await phone.newNotices()).at(-1) ?? [];
}
