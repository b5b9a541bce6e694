/** Trusted services: they get, set and remove every phone, with what only the server owns; nothing else, and only if set. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { atom, decode, type Term } from '../../../src/etf/index.ts';
import { requestKinds } from '../../../src/handlers/index.ts';
import { type Harness, type HarnessOptions, type Phone, startHarness } from '../../harness/harness.ts';
import {
  contact,
  elementsOf,
  feature,
  fieldsOf,
  profile,
  refusal,
  roster,
  service,
  text,
} from '../../harness/terms.ts';

const notAuthorized = refusal('not_authorized');
const SERVICE_CLIENTS = 'sys_';
const email = (status: string, id = 'olena@example.org'): Term =>
  service({ id, type: atom('email'), status: atom(status) });
const vox = (id: string): Term => service({ id, type: atom('vox') });

let harness: Harness;
let roster1: Phone;
before(async () => {
  harness = await startHarness({ settings: { SERVICE_CLIENTS, PROFILE_BYTES: '65536' } });
  roster1 = await openService(harness);
});
after(() => harness.stop());

/** A service has no session, where the broker authenticates its client id. */
function openService(at: Harness, client = 'sys_roster'): Promise<Phone> {
  return at.phone({ client, session: false });
}

async function own(options: HarnessOptions, use: (at: Harness) => Promise<void>): Promise<void> {
  const at = await startHarness(options);
  await use(at).finally(() => at.stop());
}

test('a service gets, sets and removes any phone, and may ask for nothing else', async () => {
  for (const status of requestKinds) {
    const { number } = await harness.phone();
    await harness.database.del(`profile:{${number}}`);
    const set = await roster1.ask(profile({ phone: number, status: 'set' }));
    assert.equal(fieldsOf(set).phone?.toString(), text(number).toString());
    const services = [email('added')];
    const answer = await roster1.ask(profile({ phone: number, services, status }));
    if (['get', 'set', 'remove'].includes(status)) assert.deepEqual(fieldsOf(answer).status, atom(status));
    else assert.deepEqual(answer, notAuthorized, status);
  }
  assert.deepEqual(
    await roster1.ask(profile({ phone: '380500000001', status: 'get' })),
    refusal('not_found'),
  );
});

test('a contact and a balance that services write are there for the phone, which cannot change the balance', async () => {
  const phone = await harness.phone();
  const { number } = phone;
  await phone.ask(profile({ phone: number, settings: [feature('LANG', 'uk')], status: 'set' }));
  const rosters = [roster({ id: 1, userlist: [contact({ phoneId: '380671112233_7' })] })];
  await roster1.ask(profile({ phone: number, rosters, balance: [], status: 'set' }));
  const billing = await openService(harness, 'sys_billing');
  await billing.ask(profile({ phone: number, balance: 1_250, status: 'set' }));
  await phone.ask(profile({ phone: number, balance: 999_999, status: 'set' }));
  await roster1.ask(profile({ phone: number, balance: [], presence: atom('online'), status: 'set' }));
  const stored = fieldsOf(await phone.ask(profile({ phone: number, status: 'get' })));
  assert.deepEqual(stored.balance, 1_250);
  assert.deepEqual(stored.rosters, rosters);
  assert.deepEqual(stored.settings, [feature('LANG', 'uk')]);
  assert.deepEqual(stored.presence, atom('online'));
  await billing.ask(profile({ phone: number, balance: -5, status: 'set' }));
  assert.deepEqual(fieldsOf(await phone.ask(profile({ phone: number, status: 'get' }))).balance, -5);
});

test('services are merged by type and id; `remove` takes one away, and credentials are never stored', async () => {
  const phone = await harness.phone();
  const { number } = phone;
  const servicesAfter = async (services: Term): Promise<Term[]> =>
    elementsOf(fieldsOf(await roster1.ask(profile({ phone: number, services, status: 'set' }))).services);
  await phone.ask(
    profile({ phone: number, services: [vox('a'), vox('b'), email('verified')], status: 'set' }),
  );
  assert.deepEqual(await servicesAfter([]), [vox('a'), vox('b')]);
  const both = [email('added'), email('verified', 'work@example.org')];
  assert.deepEqual(await servicesAfter(both), [vox('a'), vox('b'), ...both]);
  const next = await servicesAfter([
    email('verified'),
    service({ id: 'b', type: atom('vox'), status: atom('remove') }),
  ]);
  assert.deepEqual(next, [vox('a'), email('verified'), both[1]]);
  assert.deepEqual(await servicesAfter([service({ id: 'AKIA', type: atom('aws'), password: 'x' })]), next);
  await phone.ask(profile({ phone: number, services: [vox('c'), email('remove')], status: 'set' }));
  assert.deepEqual(await servicesAfter([]), [email('verified'), both[1], vox('c')]);
});

test('what a service cannot mean is invalid_data and changes nothing; the quota holds for it too', async () => {
  const { number } = await harness.phone();
  await roster1.ask(profile({ phone: number, balance: 7, status: 'set' }));
  const untyped = [service({ id: 'olena@example.org', status: atom('verified') })];
  for (const wrong of [
    { balance: 'much' },
    { balance: atom('none') },
    { services: untyped },
    { phone: [] },
  ]) {
    const sent = profile({ phone: number, balance: 8, status: 'set', ...wrong });
    assert.deepEqual(await roster1.ask(sent), refusal('invalid_data'), JSON.stringify(wrong));
  }
  const settings = [feature('NOTE', 'x'.repeat(70_000))];
  const large = profile({ phone: number, settings, balance: 8, status: 'set' });
  assert.deepEqual(await roster1.ask(large), refusal('too_large'));
  assert.equal(fieldsOf(await roster1.ask(profile({ phone: number, status: 'get' }))).balance, 7);
});

test('a phone that a service removes hears it in every session, and so do its counterparties', async () => {
  const [phone, friend] = [await harness.phone(), await harness.phone()];
  const tablet = await harness.phone({ number: phone.number });
  for (const [one, other] of [
    [phone, friend],
    [friend, phone],
  ] as const) {
    const rosters = [roster({ id: 1, userlist: [contact({ phoneId: `${other.number}_1` })] })];
    fieldsOf(await one.ask(profile({ phone: one.number, rosters, status: 'set' })));
  }
  const removed = profile({ phone: phone.number, status: 'remove' });
  assert.deepEqual(await roster1.ask(removed), removed);
  for (const device of [phone, tablet]) assert.deepEqual(await decoded(device), removed);
  await harness.idle();
  const expected = contact({ phoneId: `${phone.number}_1`, status: atom('deleted') });
  assert.deepEqual(await friend.newNotices(), [expected]);
  const get = profile({ phone: phone.number, status: 'get' });
  for (const device of [phone, tablet]) assert.deepEqual(await device.ask(get), notAuthorized);
  assert.deepEqual(await roster1.ask(get), refusal('not_found'));
});

async function decoded(device: Phone): Promise<Term> {
  return decode((await device.take()).payload);
}

test('the requests of services are counted apart', async () => {
  const name = 'profile_service_requests_total{kind="get",result="ok"}';
  const before = await harness.metric(name);
  const phone = await harness.phone();
  await roster1.ask(profile({ phone: phone.number, status: 'set' }));
  await roster1.ask(profile({ phone: phone.number, status: 'get' }));
  await phone.ask(profile({ phone: phone.number, status: 'get' }));
  assert.equal(await harness.metric(name), before + 1);
});

test('services have a limit of their own', async () => {
  const limits = { CLIENT_RATE: '1', CLIENT_BURST: '2', SERVICE_RATE: '1', SERVICE_BURST: '20' };
  await own({ settings: { SERVICE_CLIENTS, ...limits } }, async (at) => {
    const [billing, phone] = [await openService(at, 'sys_billing'), await at.phone()];
    const get = profile({ phone: phone.number, status: 'get' });
    for (let count = 0; count < 20; count++) assert.deepEqual(await billing.ask(get), refusal('not_found'));
    await Promise.all([...Array(200)].map(() => billing.send(get, { qos: 1 })));
    await Promise.all([...Array(200)].map(() => phone.send(get, { qos: 1 })));
    await at.idle();
    for (const client of [billing, phone]) {
      await client.fence();
      const refused = client.answers.filter(({ payload }) => payload.includes('too_many_requests'));
      assert.ok(refused.length > 0, client.client);
    }
    const other = await openService(at, 'sys_roster');
    assert.deepEqual(await other.ask(get), refusal('not_found'), 'each service has its own');
  });
});

test('no service is trusted unless SERVICE_CLIENTS names its client id', async () => {
  await own({}, async (at) => {
    const client = await openService(at);
    for (const status of requestKinds)
      assert.deepEqual(await client.ask(profile({ phone: '380501112233', status })), notAuthorized, status);
  });
});

describe('where a token shows who asks', () => {
  let at: Harness;
  before(async () => {
    at = await startHarness({
      broker: { plugin: false },
      settings: { SERVICE_CLIENTS, CLIENT_IDENTITY: 'token' },
    });
  });
  after(() => at.stop());

  test('a service needs a session that names `service` in the place of the phone, and its token', async () => {
    const client = await openService(at);
    const ask = (token: string) =>
      client.ask(profile({ phone: '380501112233', balance: 5, status: 'set' }), {
        topic: `events/1//api/anon/${client.client}/${token}`,
      });
    assert.deepEqual(await ask('right'), notAuthorized, 'no session');
    const token = createHash('sha256').update('right').digest('hex');
    await at.database.hset(`session:${client.client}`, { phone: 'service', token });
    assert.deepEqual(await ask('wrong'), notAuthorized);
    assert.deepEqual(await ask(''), notAuthorized);
    assert.equal(fieldsOf(await ask('right')).balance, 5);
    await at.database.hdel(`session:${client.client}`, 'token');
    assert.deepEqual(await ask(''), notAuthorized, 'a session without a token');
    await at.database.hset(`session:${client.client}`, { phone: '380501112233', token });
    assert.deepEqual(await ask('right'), notAuthorized, 'a phone that has signed in with such an id');
  });
});
