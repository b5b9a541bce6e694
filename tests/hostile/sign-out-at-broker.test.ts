/**
 * MQTT_DYNAMIC_SECURITY=on: every broker refuses a signed-out client, whatever fails meanwhile, and admits one that
 * signs in again. Nobody else waits for it. The brokers have the configuration and plugins of production.
 */
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { startRedis } from '../../dev/servers/redis.ts';
import type { BrokerAcl } from '../../src/broker-acl/broker.ts';
import { clientIn, phoneIn } from '../../src/broker-acl/client.ts';
import { holding } from '../../src/broker-acl/locks.ts';
import { signIn, signOut } from '../../src/broker-acl/sign-in.ts';
import type { AclWork } from '../../src/store/acl-work.ts';
import { openLeases } from '../../src/store/leases.ts';
import { openRedis } from '../../src/store/redis/database.ts';
import { openSessions } from '../../src/store/sessions.ts';
import { Device, openRegistry, type Registry } from '../harness/device.ts';
import { eventually } from '../harness/eventually.ts';
import { startProductionBroker } from '../harness/production-broker.ts';
import { Relay } from '../harness/relay.ts';
import { profile } from '../harness/terms.ts';
import { startWorker, type WorkerUnderTest } from '../harness/worker.ts';

/** Both brokers; and the first one only. */

const [one, other, redis] = await Promise.all([
  startProductionBroker(),
  startProductionBroker(),
  startRedis(),
]);
const database = openRedis(redis.url, '', () => undefined);
const both = openRegistry(database, [one, other]);
const first = openRegistry(database, [one]);
after(async () => {
  await Promise.all([both.close(), first.close()]);
  await database.close();
  await Promise.all([one.server.stop(), other.server.stop(), redis.stop()]);
});

/** A worker that may manage clients, at these brokers. */
async function startSteward(
  t: TestContext,
  brokers: readonly string[],
  settings: Record<string, string> = {},
): Promise<WorkerUnderTest> {
  const worker = await startWorker({
    ...one.settings('steward'),
    MQTT_URL: brokers.join(','),
    MQTT_CA: `${one.certificate.cert}${other.certificate.cert}`,
    MQTT_CLIENT_ID: `steward-${++stewards}`,
    MQTT_DYNAMIC_SECURITY: 'on',
    REDIS_URL: redis.url,
    SHUTDOWN_TIMEOUT_MS: '2000',
    ...settings,
  });
  t.after(() => worker.process.stop());
  return worker;
}
let stewards = 0;

const pendingAt = ({ work }: BrokerAcl): Promise<number> =>
  database.connection.zcard(database.keys.brokerAcl(work.broker));

/** The roles and groups at a broker that belong to phones or their clients. */
async function leftAt({ clients }: BrokerAcl): Promise<string[]> {
  const found: string[] = [];
  for (const kind of ['groups', 'roles'] as const)
    for await (const page of clients.names(kind))
      found.push(...page.filter((name) => phoneIn(name) ?? clientIn(name)));
  return found.sort();
}

const acl = (registry: Registry, index: number): BrokerAcl => registry.brokers[index] ?? assert.fail();

test('a broker is away during remove, and the worker is killed: when the broker is back it refuses the client', async (t) => {
  const victim = await startSteward(t, [one.server.url, other.server.url]);
  const phone = '380511000001';
  const device = await new Device(one, 'away-1', phone).signIn(t, both);
  const there = new Device(other, 'away-1', phone);
  assert.equal(await there.mayLogIn(t), true);
  await device.request('set');
  await other.server.kill('SIGTERM');
  assert.deepEqual(await device.request('remove'), profile({ phone, status: 'remove' }));
  await eventually('the first broker has followed', async () => (await pendingAt(acl(both, 0))) === 0);
  await victim.idle();
  assert.equal(await pendingAt(acl(both, 1)), 1, 'acknowledged, and kept for the broker that is away');
  assert.equal(await victim.metric('profile_broker_acl_pending{broker="2"}'), 1);
  assert.match((await victim.page('/readyz')).body, /^broker 2: .* \(phones pending: 1\): it is away$/m);
  await victim.process.kill('SIGKILL');

  await other.server.restart();
  assert.equal(await there.mayLogIn(t), true, 'the broker has no change yet');
  assert.equal(await there.reads(phone), true);
  const next = await startSteward(t, [one.server.url, other.server.url]);
  await eventually('it is cut off', () => !there.mqtt.connected);
  assert.equal(await there.mayLogIn(t), false);
  await eventually('nothing is left', async () => (await leftAt(acl(both, 1))).length === 0);
  // Workers of the tests below have other brokers, so they would not take it over.
  await next.tookOver();
  await eventually('and counted', async () => {
    const done = await next.metric('profile_broker_acl_synced_total{broker="2",outcome="done"}');
    return done > 0 && (await next.metric('profile_broker_acl_pending{broker="2"}')) === 0;
  });
});

test('25 sign-ins right after remove, with the same client id and with another, all keep their group', async (t) => {
  await startSteward(t, [one.server.url], { MQTT_DYNAMIC_SECURITY_SWEEP_MS: '200' });
  const phones = Array.from({ length: 25 }, (_, index) => `3805120000${10 + index}`);
  const returned = await Promise.all(
    phones.map(async (phone, index) => {
      const device = await new Device(one, `again-${index}`, phone).signIn(t, first);
      await device.request('set');
      await device.request('remove');
      const client = index % 2 === 0 ? device.client : `${device.client}-new`;
      assert.equal(await signIn({ client, phone, token: `token of ${client}` }, '00', first), 'stored');
      return new Device(one, client, phone);
    }),
  );
  await eventually('all is followed', async () => (await pendingAt(acl(first, 0))) === 0);
  for (const device of returned) {
    assert.ok(await acl(first, 0).clients.isWhole(device.client, device.number), device.client);
    assert.equal(await device.mayLogIn(t), true, device.client);
    assert.equal(await device.reads(device.number), true, device.client);
    await signOut(device.client, device.number, first);
  }
  assert.deepEqual(await leftAt(acl(first, 0)), []);
});

test('the sweep ends an expired session at the broker, and the leftovers of an older version', async (t) => {
  const phone = '380513000001';
  const [lapsing, staying] = [new Device(one, 'ttl-1', phone), new Device(one, 'ttl-2', '380513000002')];
  for (const device of [lapsing, staying]) await device.signIn(t, first);
  const { clients } = acl(first, 0);
  await clients.put({ client: 'lost-1', phone: '380513000003', token: 'x' }, undefined); // then its group is deleted
  await clients.dropPhone('380513000003');
  await clients.put({ client: 'lost-2', phone: '380513000004', token: 'x' }, undefined);
  await clients.dropPhone('380513000004'); // of a client that has a session
  await first.sessions.add('lost-2', '380513000004', '00');

  await startSteward(t, [one.server.url], { MQTT_DYNAMIC_SECURITY_SWEEP_MS: '200' });
  await database.connection.pexpire('session:ttl-1', 1);
  await eventually('it is cut off', () => !lapsing.mqtt.connected);
  assert.equal(await lapsing.mayLogIn(t), false);
  await eventually(
    'the client without a group is out',
    async () => (await clients.find('lost-1')) === undefined,
  );
  await eventually('a session gets its group back', () => clients.isWhole('lost-2', '380513000004'));
  assert.ok(staying.mqtt.connected);
  for (const client of ['ttl-2', 'lost-2'])
    await signOut(client, await first.sessions.phoneOf(client), first);
  await eventually('nothing is left', async () => (await leftAt(acl(first, 0))).length === 0);
});

test('200 sessions that are added and removed, or expire, leave no client, group or role', async (t) => {
  const phoneOf = (index: number): string => `38051400${1000 + index}`;
  const places = Array.from({ length: 200 }, (_, index) => index);
  await Promise.all(
    places.map((index) =>
      signIn({ client: `many-${index}`, phone: phoneOf(index), token: 'x' }, '00', first),
    ),
  );
  assert.equal((await leftAt(acl(first, 0))).length, 600);
  const [removed, lapsed] = [places.filter((index) => index % 2 === 0), places.filter((index) => index % 2)];
  await Promise.all(removed.map((index) => signOut(`many-${index}`, phoneOf(index), first)));
  assert.equal((await leftAt(acl(first, 0))).length, 300);
  await database.connection.del(...lapsed.map((index) => `session:many-${index}`));
  await startSteward(t, [one.server.url], { MQTT_DYNAMIC_SECURITY_SWEEP_MS: '500' });
  await eventually('nothing is left', async () => (await leftAt(acl(first, 0))).length === 0);
  const clients: string[] = [];
  for await (const page of acl(first, 0).clients.all()) clients.push(...page.map(({ client }) => client));
  assert.deepEqual(clients.sort(), ['admin', 'qa', 'service', 'steward', 'worker']);
});

test('eight removes at a broker that answers no command block nobody: another phone’s get is answered meanwhile', async (t) => {
  const silent = await Relay.start(other.server, { certificate: other.certificate });
  t.after(() => silent.stop());
  silent.loseWith('$CONTROL/dynamic-security/v1');
  const { url } = silent;
  const worker = await startSteward(t, [one.server.url, url], { MQTT_RECEIVE_MAXIMUM: '8' });
  const devices = await Promise.all(
    Array.from({ length: 8 }, (_, index) =>
      new Device(one, `silent-${index}`, `38051500001${index}`).signIn(t, first),
    ),
  );
  const stranger = await new Device(one, 'silent-other', '380515000020').signIn(t, first);
  for (const device of [...devices, stranger]) await device.request('set');
  await Promise.all(devices.map((device) => device.request('remove')));
  await stranger.request('get');
  const kept = () => database.connection.zcard(database.keys.brokerAcl(new URL(url).host));
  assert.equal(await kept(), 8, 'answered while all eight wait for the broker');
  await worker.idle();
  assert.equal(await kept(), 8, 'acknowledged as well');
  await eventually('the first broker has followed', async () => (await pendingAt(acl(first, 0))) === 0);
  await eventually(
    'readiness names it',
    async () => {
      const { status, body } = await worker.page('/readyz');
      return status === 200 && /^broker 2: .*\(phones pending: 8\): the broker did not answer/m.test(body);
    },
    60_000,
  );
  assert.ok(silent.lost > 0);
  await signOut('silent-other', '380515000020', first);
});

test('marks added while a phone is processed stay; a session ends only when that is marked', async () => {
  const { work } = acl(first, 0);
  await work.note('380516000001');
  const { due } = await work.look();
  const task = due.find(({ phone }) => phone === '380516000001') ?? assert.fail('not due');
  await work.note('380516000001');
  await work.done(task);
  const again = (await work.find('380516000001')) ?? assert.fail('lost');
  await work.putOff(again, 60_000);
  assert.deepEqual((await work.look()).due, []);
  await work.note('380516000001', 5_000);
  await work.done((await work.find('380516000001')) ?? assert.fail('lost'));
  assert.equal(await pendingAt(acl(first, 0)), 0);

  const failing = openSessions(database, () => Promise.reject(new Error('Redis is full')));
  await failing.add('noted-1', '380516000001', '00');
  await assert.rejects(failing.remove('380516000001', ['noted-1']), /full/);
  assert.equal(await failing.phoneOf('noted-1'), '380516000001');
  await first.sessions.remove('380516000001', ['noted-1']);
  assert.equal(await pendingAt(acl(first, 0)), 1);
});

test('the list of a broker that is away is bounded: the sweep handles what does not fit', async () => {
  const { work } = acl(first, 0);
  const list = database.keys.brokerAcl(work.broker);
  await database.connection.del(list);
  const fill = "for place = 1, 100000 do redis.call('ZADD', KEYS[1], 9e15, place) end";
  await database.connection.eval(fill, 1, list);
  assert.equal(await work.note('380518000001'), 'busy');
  assert.equal(await work.note('7'), 'stored', 'it stands there already');
  assert.equal(await pendingAt(acl(first, 0)), 100_000);
  await database.connection.del(list);
});

test('a shorter interval between sweeps is valid at once, not when the longer one has ended', async () => {
  const { work } = acl(first, 0);
  await database.connection.del(database.keys.brokerAclSweep(work.broker));
  assert.equal(await work.takeSweep(3_600_000), true);
  assert.equal(await work.takeSweep(20), false);
  await eventually('the next sweep is due', () => work.takeSweep(20));
});

test('a worker that is frozen until its lock is about to expire changes nothing at the broker any more', async () => {
  const { clients, work } = acl(first, 0);
  const shortly: AclWork = {
    ...work,
    lease: (kind, name) => openLeases(database).take(`${kind}:${name}`, 11_200), // its answer could come too late
  };
  const session = { client: 'frozen-1', phone: '380517000001', token: 'x' };
  await holding(shortly, [['client', session.client]], async ({ isAllowed }) => {
    await eventually('the lock runs out', () => !isAllowed());
    await assert.rejects(clients.put(session, undefined, isAllowed), /another one changes this/);
  });
  assert.equal(await clients.find(session.client), undefined);
});
