/**
 * MQTT_DYNAMIC_SECURITY=on: after `remove` and `phone` the production broker admits clients with a session, and no
 * others.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRedis } from '../../../dev/servers/redis.ts';
import type { BrokerAcl } from '../../../src/broker-acl/broker.ts';
import { decode } from '../../../src/etf/index.ts';
import { openRedis } from '../../../src/store/redis/database.ts';
import { Device, openRegistry } from '../../harness/device.ts';
import { eventually } from '../../harness/eventually.ts';
import { startProductionBroker } from '../../harness/production-broker.ts';
import { profile } from '../../harness/terms.ts';
import { startWorker, type WorkerUnderTest } from '../../harness/worker.ts';

let worker: WorkerUnderTest;

const workerAs = (user: string, id: string): Promise<WorkerUnderTest> =>
  startWorker({
    ...broker.settings(user),
    MQTT_CLIENT_ID: id,
    MQTT_SHARE_GROUP: id,
    MQTT_DYNAMIC_SECURITY: 'on',
    REDIS_URL: redis.url,
    SHUTDOWN_TIMEOUT_MS: '2000',
  });

const [broker, redis] = await Promise.all([startProductionBroker(), startRedis()]);
const database = openRedis(redis.url, '', () => undefined);
const registry = openRegistry(database, [broker]);
const [acl] = registry.brokers as [BrokerAcl];
worker = await workerAs('steward', 'steward-1');
after(async () => {
  await registry.close();
  await worker.process.stop();
  await database.close();
  await Promise.all([broker.server.stop(), redis.stop()]);
});

const device = (client: string, phone: string): Device => new Device(broker, client, phone);

test('remove answers every client of the phone; then the broker disconnects them and admits none of them again', async (t) => {
  const phone = '380501000001';
  const [one, other] = [
    await device('remove-1', phone).signIn(t, registry),
    await device('remove-2', phone).signIn(t, registry),
  ];
  const stranger = await device('remove-3', '380501000002').signIn(t, registry);
  await one.request('set');
  assert.deepEqual(await one.request('remove'), profile({ phone, status: 'remove' }));
  await eventually('both are cut off', () => !one.mqtt.connected && !other.mqtt.connected);
  assert.deepEqual(decode((await other.take()).payload), profile({ phone, status: 'remove' }));
  await assert.rejects(one.logIn(t), /not authorized/i);
  await assert.rejects(other.logIn(t), /not authorized/i);
  assert.deepEqual(await acl.clients.of(phone), []);
  assert.ok(stranger.mqtt.connected);
});

test('phone moves the clients of the old phone: with their old token they read messages to the new one', async (t) => {
  const [from, to] = ['380502000001', '380502000002'];
  const [old, fresh] = [
    await device('phone-1', from).signIn(t, registry),
    await device('phone-2', to).signIn(t, registry),
  ];
  await old.request('set');
  await old.request('migrate', to);
  await fresh.request('phone');
  await eventually('the old one is cut off', () => !old.mqtt.connected);
  assert.deepEqual((await acl.clients.of(to)).sort(), ['phone-1', 'phone-2']);
  assert.deepEqual(await acl.clients.of(from), []);
  await old.logIn(t);
  assert.deepEqual([await old.reads(to), await old.reads(from)], [true, false]);
  assert.ok(fresh.mqtt.connected, 'nobody else is cut off');
});

test('work that a crash interrupted can be repeated: a second time changes nothing', async (t) => {
  const phone = '380503000001';
  const kept = await device('again-1', phone).signIn(t, registry);
  await acl.clients.put({ client: 'again-2', phone, token: 'x' }, undefined); // At the broker, without a session.
  assert.equal(await acl.sync(phone), 'done');
  assert.equal(await acl.sync(phone), 'done');
  assert.deepEqual(await acl.clients.of(phone), ['again-1']);
  assert.ok(kept.mqtt.connected);
});

test('a worker without the right still answers, and logs what remains to do', async (t) => {
  await worker.process.stop();
  const powerless = await workerAs('worker', 'profile-powerless');
  t.after(() => powerless.process.stop());
  const left = await device('left-1', '380504000001').signIn(t, registry);
  await left.request('set');
  await left.request('remove');
  await eventually('it is logged', () => powerless.log().some(({ level }) => level === 'error'));
  const line = powerless.log().find(({ level }) => level === 'error');
  assert.equal(line?.cause, 'the broker lets this user name manage no clients (dynamic-security)');
  assert.equal(line?.phone, '380…001');
  // It serves requests, so it takes them; another worker must do the rest.
  const { status, body } = await powerless.page('/readyz');
  assert.equal(status, 200);
  assert.match(body, /^ready\nbroker 1: its list of clients is out of sync .* lets this user name manage no/);
  worker = await workerAs('steward', 'steward-2');
  await eventually('it is done', async () => (await acl.clients.find('left-1')) === undefined);
});
