/** A half-done `remove` comes again when its idempotency record has lapsed: it goes on, and removes nothing that is newer. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { atom, decode, print } from '../../src/etf/index.ts';
import { carryOut, openStoresOf, requestOf } from '../harness/direct-calls.ts';
import { PUBACK, PUBLISH } from '../harness/framing.ts';
import { eventually, type Phone } from '../harness/harness.ts';
import { type RelayedHarness, startRelayedHarness } from '../harness/relayed-worker.ts';
import { contact, fieldsOf, profile, refusal, roster } from '../harness/terms.ts';

let own: RelayedHarness;
beforeEach(async () => {
  own = await startRelayedHarness();
});
afterEach(() => own.stop());

const removing = ({ number }: Phone) => profile({ phone: number, status: 'remove' });
const removal = ({ number }: Phone) => `removal:{${number}}`;

/** Two phones that have each other in their rosters. */
async function friends(): Promise<[Phone, Phone]> {
  const [phone, friend] = [await own.harness.phone(), await own.harness.phone()];
  const has = async (one: Phone, other: Phone) => {
    const userlist = [contact({ phoneId: `${other.number}_1` })];
    const rosters = [roster({ id: 1, userlist })];
    fieldsOf(await one.ask(profile({ phone: one.number, rosters, status: 'set' })));
  };
  await has(phone, friend);
  await has(friend, phone);
  await own.harness.idle();
  return [phone, friend];
}

/** The worker is killed when the removal has come so far, before a message of it has reached the broker; then the record lapses. */
async function cutOff(phone: Phone, so: () => Promise<unknown>): Promise<void> {
  own.relay.lose(PUBLISH, PUBACK);
  await phone.send(removing(phone));
  await eventually('it is half done', async () => Boolean(await so()));
  await own.worker.process.kill('SIGKILL');
  own.relay.lose();
  for (const key of await own.harness.database.keys(`done:{${phone.number}}:*`))
    await own.harness.database.del(key);
}

const goOn = () => own.worker.process.restart();

test('its client has no session any more: it hears that it is removed, and so do the contacts', async () => {
  const [phone, friend] = await friends();
  await cutOff(phone, () => own.harness.database.hexists(removal(phone), 'ended'));
  await goOn();
  assert.deepEqual(decode((await phone.take()).payload), removing(phone));
  await eventually('the contact is notified', () => friend.notices.length > 0);
  assert.match(print((await friend.newNotices()).at(-1) ?? []), /deleted/);
  await own.harness.idle();
  assert.equal(await own.harness.database.exists(removal(phone)), 0);
});

test('who has signed in since keeps the new profile', async () => {
  const [phone] = await friends();
  await cutOff(phone, () => own.harness.database.hexists(removal(phone), 'ended'));
  const { stores, close } = await openStoresOf(own.harness);
  await own.harness.signIn(phone.client, phone.number);
  const set = profile({ phone: phone.number, presence: atom('next'), status: 'set' });
  assert.equal((await carryOut(requestOf(phone, set), stores)).result, 'ok');
  await close();
  await goOn();
  assert.deepEqual(decode((await phone.take()).payload), removing(phone));
  await own.harness.idle();
  const { presence } = fieldsOf(await phone.ask(profile({ phone: phone.number, status: 'get' })));
  assert.deepEqual(presence, atom('next'));
});

test('it is kept for longer than any broker keeps its request', async () => {
  const [phone] = await friends();
  await cutOff(phone, () => own.harness.database.exists(removal(phone)));
  assert.ok((await own.harness.database.ttl(removal(phone))) > 86_400 + 300);
});

test('another client’s request goes on with nothing', async () => {
  const [phone] = await friends();
  await cutOff(phone, () => own.harness.database.hexists(removal(phone), 'ended'));
  const stranger = await own.harness.phone();
  const { stores, close } = await openStoresOf(own.harness);
  const delivery = { redelivered: true, isStillOwned: async () => true };
  const ref = { phone: phone.number, key: 'another request', record: '' };
  const request = requestOf(stranger, removing(phone), { phone: phone.number, ref, delivery });
  const { answers } = await carryOut(request, stores);
  await close();
  assert.deepEqual(decode(answers[0]?.payload ?? Buffer.of()), refusal('not_authorized'));
  await goOn();
  await phone.take();
});
