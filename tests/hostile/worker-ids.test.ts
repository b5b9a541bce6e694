/** Only a worker gets a worker's client id: no phone gets it, and so no phone gets a worker's requests. */
import assert from 'node:assert/strict';
import { after, before, describe, type TestContext, test } from 'node:test';
import type { IClientOptions, MqttClient } from 'mqtt';
import type { Server } from '../../dev/servers/process.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { openBrokerClients } from '../../src/broker-acl/client.ts';
import { openDynamicSecurity } from '../../src/broker-acl/dynamic-security.ts';
import { encode } from '../../src/etf/index.ts';
import { type Database, openRedis } from '../../src/store/redis/database.ts';
import { eventually } from '../harness/eventually.ts';
import { type Phone, startHarness } from '../harness/harness.ts';
import { connectClient, watch } from '../harness/mqtt-clients.ts';
import { type ProductionBroker, startProductionBroker } from '../harness/production-broker.ts';
import { profilectl } from '../harness/profilectl.ts';
import { profile } from '../harness/terms.ts';
import { startWorker, type WorkerSettings, type WorkerUnderTest } from '../harness/worker.ts';

const FIELD = 'events/1//api/anon//';
const PHONE = '380501112233';
const NOT_AUTHORIZED = 135;

describe('on the broker of production', () => {
  let broker: ProductionBroker;
  let redis: Server;
  let database: Database;
  const workers: WorkerUnderTest[] = [];

  before(async () => {
    [broker, redis] = await Promise.all([startProductionBroker(), startRedis()]);
    database = openRedis(redis.url, '', () => undefined);
    workers.push(await worker('profile-0'));
    await session('emqttd_42');
    await session('profile-0');
  });
  after(async () => {
    await Promise.all(workers.map(({ process }) => process.stop()));
    await database.close();
    await Promise.all([broker.server.stop(), redis.stop()]);
  });

  const worker = (MQTT_CLIENT_ID: string, more: WorkerSettings = {}): Promise<WorkerUnderTest> =>
    startWorker({
      ...broker.settings('worker'),
      REDIS_URL: redis.url,
      MQTT_CLIENT_ID,
      HEARTBEAT_MS: '200',
      HEIR_AFTER_MS: '1000',
      CLIENT_RATE: '0',
      ...more,
    });

  /** A session from an authentication service without a rule for worker ids. */
  async function session(client: string): Promise<void> {
    await database.connection.hset(`session:${client}`, { phone: PHONE });
    await database.connection.sadd(`sessions:{${PHONE}}`, client);
    const { ca, ...login } = broker.login('admin');
    const connection = { url: broker.server.url, clientId: 'maker', ...login, tls: { ca } };
    const clients = openBrokerClients(openDynamicSecurity(connection));
    await clients.put({ client, phone: PHONE, token: `token of ${client}` }, undefined);
    await clients.close();
  }

  const login = (clientId: string, more: IClientOptions = {}): IClientOptions => ({
    clientId,
    username: PHONE,
    password: `token of ${clientId}`,
    ca: broker.certificate.cert,
    ...more,
  });

  /** Sends the request; `done` checks whether this many were answered. */
  async function ask(t: TestContext, count: number, between: () => Promise<unknown>): Promise<void> {
    const answered = new Set<string>();
    const phone = await connectClient(t, broker.server.url, login('emqttd_42'), ({ properties }) =>
      answered.add(`${properties?.correlationData}`),
    );
    await phone.subscribeAsync('actions/1/api/emqttd_42', { qos: 1 });
    for (let sent = 0; sent < count; sent++) {
      await get(phone, `${sent}`);
      await between();
    }
    await eventually(`${count} requests are answered`, () => answered.size === count);
  }

  const get = (client: MqttClient, correlation: string): Promise<unknown> =>
    client.publishAsync(FIELD, encode(profile({ phone: PHONE, status: 'get' })), {
      qos: 1,
      properties: { correlationData: Buffer.from(correlation) },
    });

  test('a phone with a session for it and the right token is refused, and receives none of 60 requests', async (t) => {
    let refused = 0;
    const taken: string[] = [];
    const intrude = async (): Promise<void> => {
      const keep = { clean: false, properties: { sessionExpiryInterval: 60 } };
      const intruder = connectClient(t, broker.server.url, login('profile-0', keep), ({ topic }) =>
        taken.push(topic),
      );
      await assert.rejects(intruder, { code: NOT_AUTHORIZED });
      refused++;
    };
    await ask(t, 60, intrude);
    assert.deepEqual([refused, taken], [60, []]);
    assert.equal(await workers[0]?.metric('profile_lost_connections_total{server="broker"}'), 0);
  });

  for (const protocolVersion of [4, 5] as const) {
    for (const username of [PHONE, `+${PHONE}`, 'profile-0']) {
      test(`MQTT ${protocolVersion}: refused with the user name ${username}, and its will is not sent`, async (t) => {
        const received: string[] = [];
        const watcher = await connectClient(
          t,
          broker.server.url,
          { clientId: 'qa-watcher', ...broker.login('qa') },
          ({ topic }) => received.push(topic),
        );
        await watcher.subscribeAsync('#', { qos: 1 });
        const will = { topic: FIELD, payload: Buffer.from('will'), qos: 1 as const, retain: false };
        const options = login('profile-0', { protocolVersion, username, will });
        await assert.rejects(connectClient(t, broker.server.url, options), /not authorized/i);
        const phone = await connectClient(t, broker.server.url, login('emqttd_42'));
        await phone.publishAsync('events/1//api/anon//last', 'fence', { qos: 1 });
        await eventually('the last publication has arrived', () =>
          received.some((topic) => topic.startsWith('events/')),
        );
        // An answer to the request of an earlier round may come here too.
        const asked = received.filter((topic) => topic.startsWith('events/'));
        assert.equal(asked[0], 'events/1//api/anon/emqttd_42/last');
      });
    }
  }

  test('a worker takes over the session of a killed worker under its client id: no request is lost', async (t) => {
    const victim = await worker('profile-victim');
    let sent = 0;
    await ask(t, 100, async () => {
      if (++sent === 50) await victim.process.kill('SIGKILL');
    });
    await eventually(
      'the survivor took over',
      async () => (await workers[0]?.metric('profile_adopted_sessions_total')) === 1,
    );
    await victim.process.stop();
  });

  test('a worker with another client id prefix warns at its start that phones could use its id', async (t) => {
    const odd = await worker('odd-0', { ...broker.settings('steward'), MQTT_SHARE_GROUP: 'others' });
    t.after(() => odd.process.stop());
    const warning = /MQTT_CLIENT_ID does not begin with MQTT_WORKER_PREFIX/;
    assert.match(JSON.stringify(odd.log().filter(({ level }) => level === 'warn')), warning);
    assert.doesNotMatch(JSON.stringify(workers[0]?.log()), warning);
  });

  test('profilectl makes no session for it, gives no token for one, and never connects with it', async () => {
    const settings = { ...broker.settings('admin'), REDIS_URL: redis.url };
    for (const line of [
      ['session', 'add', '--client', 'profile-1', '--phone', PHONE],
      ['session', 'add', '--redis-only', '--client', 'profile-1', '--phone', PHONE],
      ['session', 'rotate', '--client', 'profile-0'],
      ['send', 'get', '--client', 'profile-0', '--phone', PHONE],
    ]) {
      const { exitCode, stdout, stderr } = await profilectl(settings, ...line);
      assert.deepEqual([exitCode, stdout], [1, ''], line.join(' '));
      assert.match(stderr, /workers’; no phone has one|is a worker’s client id/);
    }
    assert.equal(await database.connection.exists('session:profile-1'), 0);
    const own = { ...settings, MQTT_WORKER_PREFIX: 'pod-' };
    const { stderr } = await profilectl(own, 'session', 'add', '--client', 'pod-1', '--phone', PHONE);
    assert.match(stderr, /begin with pod-/);
    // Sessions made before can still be removed.
    assert.equal((await profilectl(settings, 'session', 'remove', '--client', 'profile-0')).exitCode, 0);
    assert.equal(await database.connection.exists('session:profile-0'), 0);
  });
});

for (const CLIENT_IDENTITY of ['broker', 'token']) {
  test(`CLIENT_IDENTITY=${CLIENT_IDENTITY}: on any broker a client with such an id is no phone, whatever session it has`, async (t) => {
    const broker = { plugin: CLIENT_IDENTITY === 'broker' };
    const harness = await startHarness({ broker, settings: { CLIENT_IDENTITY, MQTT_WORKER_PREFIX: 'pod-' } });
    t.after(() => harness.stop());
    const answer = async (phone: Phone, status: string) => {
      const topic = `events/1//api/anon/${phone.client}/secret`;
      return phone.ask(profile({ phone: phone.number, status }), { topic });
    };
    const intruder = await harness.phone({ client: 'pod-7', token: 'secret' });
    for (const status of ['get', 'set', 'migrate', 'remove'])
      assert.match(JSON.stringify(await answer(intruder, status)), /not_authorized/, status);
    const other = await harness.phone({ client: 'profile-7', token: 'secret' });
    assert.doesNotMatch(JSON.stringify(await answer(other, 'set')), /not_authorized/);
  });
}

test('a plain broker shows why the name matters: a client gets the session of its client id', async (t) => {
  const harness = await startHarness({ workers: 0 });
  t.after(() => harness.stop());
  const session = { clientId: 'profile-0', clean: false, properties: { sessionExpiryInterval: 60 } };
  const worker = await connectClient(t, harness.broker.url, session);
  await worker.subscribeAsync('$share/profile/events/1/+/api/+/+/+', { qos: 1 });
  const taken: string[] = [];
  await connectClient(t, harness.broker.url, session, ({ topic }) => taken.push(topic));
  const watcher = await watch(t, harness.broker.url);
  await watcher.client.publishAsync(FIELD, 'p', { qos: 1 });
  await eventually('it has the request', () => taken.length === 1);
});
