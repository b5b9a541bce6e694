/** No phone passes as a trusted service: not by its client id, its topic, its Response Topic, a repeat or a record. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { IClientOptions } from 'mqtt';
import { startRedis } from '../../dev/servers/redis.ts';
import { openBrokerClients } from '../../src/broker-acl/client.ts';
import { openDynamicSecurity } from '../../src/broker-acl/dynamic-security.ts';
import { atom, decode, encode, type Term } from '../../src/etf/index.ts';
import { requestKinds } from '../../src/handlers/index.ts';
import { PUBACK, PUBLISH } from '../harness/framing.ts';
import { eventually, type Harness, type Phone, startHarness } from '../harness/harness.ts';
import { connectClient } from '../harness/mqtt-clients.ts';
import { type ProductionBroker, serviceId, startProductionBroker } from '../harness/production-broker.ts';
import { profilectl } from '../harness/profilectl.ts';
import { startRelayedHarness } from '../harness/relayed-worker.ts';
import { fieldsOf, profile, refusal } from '../harness/terms.ts';
import { startWorker } from '../harness/worker.ts';

const SERVICE_CLIENTS = 'sys_';
const notAuthorized = refusal('not_authorized');
const victim = '380509998877';
const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex');
const seize = (balance: number): Term => profile({ phone: victim, balance, status: 'set' });

describe('on the broker of production', () => {
  const PHONE = '380501112233';
  let broker: ProductionBroker;
  before(async () => {
    broker = await startProductionBroker();
    const { ca, ...login } = broker.login('admin');
    const connection = { url: broker.server.url, clientId: 'maker', ...login, tls: { ca } };
    const clients = openBrokerClients(openDynamicSecurity(connection));
    // An authentication service that lets a phone choose its client id.
    for (const client of ['sys_evil', serviceId, 'emqttd_42'])
      await clients.put({ client, phone: PHONE, token: 'token' }, undefined);
    await clients.close();
  });
  after(() => broker.server.stop());

  const refused = (options: IClientOptions): Promise<void> =>
    assert.rejects(
      connectClient({ after: () => undefined } as never, broker.server.url, options),
      /not authorized/i,
      JSON.stringify([options.clientId, options.username]),
    );

  test('a phone with the id of a service is refused, whatever user name it gives', async () => {
    const { ca } = broker.login('admin');
    for (const clientId of ['sys_evil', serviceId])
      for (const username of [PHONE, `+${PHONE}`, clientId, 'service'])
        for (const protocolVersion of [4, 5] as const)
          await refused({ clientId, username, password: 'token', ca, protocolVersion });
  });

  test('no other user has such an id, and the user of services has no other', async () => {
    for (const user of ['admin', 'worker', 'steward', 'qa'])
      for (const clientId of [serviceId, 'sys_', 'sys_evil'])
        await refused({ clientId, ...broker.login(user) });
    for (const clientId of ['emqttd_42', 'profile-0', 'qa-1', 'SYS_roster', 'sys', ' sys_roster', ''])
      await refused({ clientId, ...broker.login('service') });
    await refused({ clientId: serviceId, ...broker.login('service'), password: 'wrong' });
  });

  test('a service reads its own answers and no others, also those of another service', async (t) => {
    const client = await connectClient(t, broker.server.url, {
      clientId: serviceId,
      ...broker.login('service'),
    });
    const granted = async (filter: string): Promise<boolean> =>
      client.subscribeAsync(filter, { qos: 1 }).then(
        ([grant]) => (grant?.qos ?? 128) < 128,
        () => false,
      );
    assert.ok(await granted(`actions/1/api/${serviceId}`));
    assert.ok(await granted(`actions/1/api/${serviceId}/#`));
    for (const filter of ['actions/1/api/sys_billing', 'actions/1/api/+', 'ses/+', 'events/#', '#'])
      assert.equal(await granted(filter), false, filter);
  });

  test('a service sets a profile through it, and is no client that a sweep removes', async (t) => {
    const redis = await startRedis();
    t.after(() => redis.stop());
    const worker = await startWorker({
      ...broker.settings('steward'),
      REDIS_URL: redis.url,
      MQTT_CLIENT_ID: 'steward-0',
      MQTT_DYNAMIC_SECURITY: 'on',
      MQTT_DYNAMIC_SECURITY_SWEEP_MS: '100',
      SERVICE_CLIENTS,
    });
    t.after(() => worker.process.stop());
    const synced = 'profile_broker_acl_synced_total{broker="1",outcome="done"}';
    // The clients above have no session, so the sweep takes them out; the user of services has another role than they.
    await eventually('the sweep has worked', async () => (await worker.metric(synced)) > 0);
    const answers: Term[] = [];
    const login = { clientId: serviceId, ...broker.login('service') };
    const client = await connectClient(t, broker.server.url, login, ({ payload }) =>
      answers.push(decode(payload)),
    );
    await client.subscribeAsync(`actions/1/api/${serviceId}`, { qos: 1 });
    await client.publishAsync('events/1//api/anon//', encode(seize(7)), { qos: 2 });
    await eventually('it is answered', () => answers.length === 1);
    assert.equal(fieldsOf(answers[0] ?? []).balance, 7);
  });

  test('profilectl gives no phone such an id, and makes no user of services unless asked', async (t) => {
    const settings = { ...broker.settings('admin'), REDIS_URL: 'redis://127.0.0.1:1', SERVICE_CLIENTS };
    for (const act of ['add', 'rotate']) {
      const phone = act === 'add' ? ['--phone', PHONE] : [];
      const line = ['session', act, '--redis-only', '--client', 'sys_evil', ...phone];
      const { exitCode, stderr } = await profilectl(settings, ...line);
      assert.equal(exitCode, 1);
      assert.match(stderr, /trusted services’; no phone has one/);
    }
    const folder = await mkdtemp(join(tmpdir(), 'profile-service-'));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, 'dynamic-security.json');
    const init = async (...more: string[]): Promise<string> =>
      (await profilectl({}, 'broker', 'init', '--file', file, ...more)).stdout;
    assert.doesNotMatch(await init(), /service/);
    await rm(file);
    assert.match(await init('--service', 'sys_roster', '--service', 'sys_billing'), /^service \S{43}$/m);
    const written = await readFile(file, 'utf8');
    assert.match(written, /service:sys_roster/);
    assert.match(written, /service:sys_billing/);
  });
});

describe('on a broker that admits every client id', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness({ settings: { SERVICE_CLIENTS } });
    const service = await harness.phone({ client: 'sys_roster', session: false });
    fieldsOf(await service.ask(seize(1)));
  });
  after(() => harness.stop());

  const assertUntouched = async (): Promise<void> => {
    const balance = await harness.database.hgetBuffer(`profile:{${victim}}`, 'balance');
    assert.deepEqual(balance, Buffer.from([97, 1]));
  };

  test('a phone that has signed in with the id of a service is nobody: neither a service nor a phone', async () => {
    const phone = await harness.phone({ client: 'sys_evil' });
    for (const status of requestKinds)
      for (const number of [phone.number, victim])
        assert.deepEqual(await phone.ask(profile({ phone: number, status })), notAuthorized, status);
    await assertUntouched();
  });

  test('a client id that only resembles theirs, or a topic that names one of theirs, makes no service', async () => {
    for (const client of ['SYS_roster', 'sys-roster', 'xsys_roster', 'sуs_roster', 'sys'])
      assert.deepEqual(await (await harness.phone({ client })).ask(seize(9)), notAuthorized, client);
    const phone = await harness.phone();
    for (const topic of [
      'events/1//api/anon/sys_roster/',
      'events/1/sys_roster/api/sys_roster/sys_roster/sys_roster',
      'events/1//api/sys_roster//',
    ])
      assert.deepEqual(await phone.ask(seize(9), { topic }), notAuthorized, topic);
    const properties = { responseTopic: 'actions/1/api/sys_roster' };
    assert.deepEqual(await phone.ask(seize(9), { properties }), notAuthorized);
    await assertUntouched();
  });

  test('a session that names `service` makes no service of another client id, and lets it move nobody', async () => {
    const phone = await harness.phone({ session: false });
    await harness.database.hset(`session:${phone.client}`, { phone: 'service' });
    for (const status of requestKinds)
      assert.deepEqual(await phone.ask(profile({ phone: victim, status })), notAuthorized, status);
    await assertUntouched();
  });

  test('the record of what a service did tells a phone nothing, and its own requests stay its own', async () => {
    const [service, phone] = [
      await harness.phone({ client: 'sys_billing', session: false }),
      await harness.phone({ number: victim }),
    ];
    const properties = { correlationData: Buffer.from([7]) };
    const stranger = await harness.phone();
    for (const status of ['set', 'get', 'remove']) {
      const asked = profile({ phone: victim, balance: [], status });
      assert.deepEqual(await stranger.ask(asked, { properties }), notAuthorized, status);
      if (status !== 'remove') fieldsOf(await service.ask(asked, { properties }));
      assert.deepEqual(await stranger.ask(asked, { properties }), notAuthorized, status);
    }
    // The same payload and Correlation Data: for the phone it is a first time.
    const asked = profile({ phone: victim, balance: 5, presence: atom('here'), status: 'set' });
    fieldsOf(await service.ask(asked, { properties }));
    const own = profile({ phone: victim, balance: 1, presence: atom('there'), status: 'set' });
    fieldsOf(await service.ask(own, { properties }));
    fieldsOf(await phone.ask(asked, { properties }));
    const stored = fieldsOf(await phone.ask(profile({ phone: victim, status: 'get' })));
    assert.deepEqual([stored.presence, stored.balance], [atom('here'), 1]);
    await assertUntouched();
  });
});

describe('where a token shows who asks', () => {
  test('no token of a phone’s makes it a service, whichever way it names one', async (t) => {
    const settings = { SERVICE_CLIENTS, CLIENT_IDENTITY: 'token' };
    const harness = await startHarness({ broker: { plugin: false }, settings });
    t.after(() => harness.stop());
    const token = 'the token of a phone';
    const phone = await harness.phone({ token });
    await harness.database.hset('session:sys_roster', { phone: 'service', token: hashOf('the service’s') });
    const hearing = await harness.phone({ client: 'sys_roster', session: false });
    const responseTopic = 'actions/1/api/sys_roster';
    await phone.send(seize(9), { topic: `events/1//api/anon/sys_roster/${token}` });
    await phone.send(seize(9), { topic: `events/1//api/anon//${token}`, properties: { responseTopic } });
    for (let count = 0; count < 2; count++)
      assert.deepEqual(decode((await hearing.take()).payload), notAuthorized);
    const topic = `events/1//api/anon/${phone.client}/${token}`;
    assert.deepEqual(await phone.ask(seize(9), { topic, properties: { responseTopic } }), notAuthorized);
    assert.equal(await harness.database.exists(`profile:{${victim}}`), 0);
  });
});

test('a service’s remove that a crash cut off goes on, once; without the door a repeat of it is refused', async (t) => {
  const own = await startRelayedHarness({ SERVICE_CLIENTS });
  t.after(() => own.stop());
  const { harness, relay, worker } = own;
  const service = await harness.phone({ client: 'sys_roster', session: false });
  const phone: Phone = await harness.phone();
  const properties = { correlationData: Buffer.from([1]) };
  fieldsOf(await phone.ask(profile({ phone: phone.number, status: 'set' })));
  await harness.idle();
  const removed = profile({ phone: phone.number, status: 'remove' });
  relay.lose(PUBLISH, PUBACK);
  await service.send(removed, { properties });
  await eventually(
    'the profile is gone',
    async () => (await harness.database.exists(`profile:{${phone.number}}`)) === 0,
  );
  await worker.process.kill('SIGKILL');
  relay.lose();
  await worker.process.restart();
  for (const client of [service, phone]) assert.deepEqual(decode((await client.take()).payload), removed);
  await harness.idle();
  assert.equal(await harness.database.exists(`session:${phone.client}`), 0);
  await worker.process.stop();
  const next = await harness.startWorker({ SERVICE_CLIENTS: '' });
  // What the session of the one before brings may be a redelivery, which is answered from its record.
  await next.tookOver();
  assert.deepEqual(await service.ask(removed, { properties }), notAuthorized);
});
