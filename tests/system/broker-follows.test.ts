/** MQTT_DYNAMIC_SECURITY=on: after `remove` and `phone` the broker of production lets in who has a session, and nobody else. */
import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { MqttClient } from 'mqtt';
import { BrokerAcl } from '../../src/broker-acl/broker.ts';
import { openBrokerClients } from '../../src/broker-acl/client.ts';
import { signIn } from '../../src/broker-acl/sign-in.ts';
import type { Server } from '../../src/dev/servers/process.ts';
import { startRedis } from '../../src/dev/servers/redis.ts';
import { decode, encode, type Term } from '../../src/etf/index.ts';
import { openDynamicSecurity } from '../../src/mqtt/dynamic-security.ts';
import { openAclWork } from '../../src/store/acl-work.ts';
import { type Database, openRedis } from '../../src/store/redis.ts';
import { openSessions, type Sessions } from '../../src/store/sessions.ts';
import { profile } from '../terms.ts';
import { connectClient } from './mqtt-clients.ts';
import { eventually } from './stage/eventually.ts';
import { type ProductionBroker, startProductionBroker } from './stage/production.ts';
import { startWorker, type WorkerUnderTest } from './stage/worker.ts';

let broker: ProductionBroker;
let redis: Server;
let database: Database;
let sessions: Sessions;
let acl: BrokerAcl;
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

before(async () => {
  [broker, redis] = await Promise.all([startProductionBroker(), startRedis()]);
  database = openRedis(redis.url, '', () => undefined);
  sessions = openSessions(database);
  const { username, password, ca } = broker.login('admin');
  const connection = { url: broker.server.url, clientId: 'test', username, password, tls: { ca } };
  const clients = openBrokerClients(openDynamicSecurity(connection));
  acl = new BrokerAcl({ clients, work: openAclWork(database, new URL(broker.server.url).host), sessions });
  worker = await workerAs('steward', 'steward-1');
});
after(async () => {
  await acl.clients.close();
  await worker.process.stop();
  await database.close();
  await Promise.all([broker.server.stop(), redis.stop()]);
});

/** A phone of production: with a session, and a token that the broker knows. */
class Device {
  readonly heard: { topic: string; term: Term }[] = [];
  readonly client: string;
  readonly phone: string;
  mqtt: MqttClient | undefined;

  constructor(client: string, phone: string) {
    this.client = client;
    this.phone = phone;
  }

  get isConnected(): boolean {
    return this.mqtt?.connected === true;
  }

  async signIn(t: TestContext): Promise<this> {
    const { client, phone } = this;
    await signIn({ client, phone, token: `token of ${client}` }, '00', { sessions, brokers: [acl] });
    await this.connect(t);
    return this;
  }

  async connect(t: TestContext): Promise<void> {
    const login = { clientId: this.client, username: this.client, password: `token of ${this.client}` };
    const { server, certificate } = broker;
    this.mqtt = await connectClient(t, server.url, { ...login, ca: certificate.cert }, ({ topic, payload }) =>
      this.heard.push({ topic, term: decode(payload) }),
    );
    await this.mqtt.subscribeAsync(`actions/1/api/${this.client}`, { qos: 1 });
  }

  async ask(status: string, phone = this.phone): Promise<Term> {
    const before = this.heard.length;
    await this.mqtt?.publishAsync('events/1//api/anon//', encode(profile({ phone, status })), { qos: 2 });
    await eventually(`an answer to ${status}`, () => this.heard.length > before);
    return this.heard.at(-1)?.term ?? [];
  }

  /** Whether it may read the notices to a phone. */
  async reads(phone: string): Promise<boolean> {
    return (this.mqtt ?? assert.fail('not connected')).subscribeAsync(`ses/${phone}`, { qos: 1 }).then(
      ([grant]) => (grant?.qos ?? 128) < 128,
      () => false,
    );
  }
}

test('remove answers every client of the phone; then the broker cuts them off and lets none of them in again', async (t) => {
  const phone = '380501000001';
  const [one, other] = [
    await new Device('remove-1', phone).signIn(t),
    await new Device('remove-2', phone).signIn(t),
  ];
  const stranger = await new Device('remove-3', '380501000002').signIn(t);
  await one.ask('set');
  assert.deepEqual(await one.ask('remove'), profile({ phone, status: 'remove' }));
  await eventually('both are cut off', () => !one.isConnected && !other.isConnected);
  assert.deepEqual(other.heard.at(-1)?.term, profile({ phone, status: 'remove' }));
  await assert.rejects(one.connect(t), /not authorized/i);
  await assert.rejects(other.connect(t), /not authorized/i);
  assert.deepEqual(await acl.clients.of(phone), []);
  assert.ok(stranger.isConnected);
});

test('phone takes the clients of the old phone along: with their old token they read what comes for the new one', async (t) => {
  const [from, to] = ['380502000001', '380502000002'];
  const [old, fresh] = [
    await new Device('phone-1', from).signIn(t),
    await new Device('phone-2', to).signIn(t),
  ];
  await old.ask('set');
  await old.ask('migrate', to);
  await fresh.ask('phone');
  await eventually('the old one is cut off', () => !old.isConnected);
  assert.deepEqual((await acl.clients.of(to)).sort(), ['phone-1', 'phone-2']);
  assert.deepEqual(await acl.clients.of(from), []);
  await old.connect(t);
  assert.deepEqual([await old.reads(to), await old.reads(from)], [true, false]);
  assert.ok(fresh.isConnected, 'nobody else is cut off');
});

test('what was cut off by a crash can be done again: a second time changes nothing', async (t) => {
  const phone = '380503000001';
  const device = await new Device('again-1', phone).signIn(t);
  await acl.clients.put({ client: 'again-2', phone, token: 'x' }, undefined); // in the broker, without a session
  assert.equal(await acl.sync(phone), 'done');
  assert.equal(await acl.sync(phone), 'done');
  assert.deepEqual(await acl.clients.of(phone), ['again-1']);
  assert.ok(device.isConnected);
});

test('a worker without the right answers all the same, and logs what is left to do', async (t) => {
  await worker.process.stop();
  const powerless = await workerAs('worker', 'profile-powerless');
  t.after(() => powerless.process.stop());
  const device = await new Device('left-1', '380504000001').signIn(t);
  await device.ask('set');
  await device.ask('remove');
  await eventually('it is logged', () => powerless.log().some(({ level }) => level === 'error'));
  const line = powerless.log().find(({ level }) => level === 'error');
  assert.equal(line?.cause, 'the broker lets this user name manage no clients (dynamic-security)');
  assert.equal(line?.phone, '380…001');
});
