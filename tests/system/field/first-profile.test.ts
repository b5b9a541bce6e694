/** `init`: a client that logs in with a listed user name is sent its profile without asking (`plugin_opt_init`). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { MqttClient } from 'mqtt';
import { startRedis } from '../../../dev/servers/redis.ts';
import { signIn } from '../../../src/broker-acl/sign-in.ts';
import { decode, encode, print } from '../../../src/etf/index.ts';
import { openRedis } from '../../../src/store/redis/database.ts';
import { openRegistry } from '../../harness/device.ts';
import { eventually } from '../../harness/eventually.ts';
import { openClient, type Received } from '../../harness/mqtt-clients.ts';
import { startProductionBroker } from '../../harness/production-broker.ts';
import { profile } from '../../harness/terms.ts';
import { startWorker } from '../../harness/worker.ts';

const [broker, redis] = await Promise.all([
  startProductionBroker({
    sharedUsers: 'api',
    deliver: 'actions,ses',
    init: 'mobile,api',
    connectionsPerMinute: 0,
  }),
  startRedis(),
]);
const database = openRedis(redis.url, '', () => undefined);
const registry = openRegistry(database, [broker]);
const worker = await startWorker({
  ...broker.settings('worker'),
  MQTT_CLIENT_ID: 'profile-init',
  REDIS_URL: redis.url,
  CLIENT_RATE: '1',
  CLIENT_BURST: '10',
  SHUTDOWN_TIMEOUT_MS: '2000',
});
const open: MqttClient[] = [];
after(async () => {
  await Promise.all(open.map((client) => client.endAsync(true)));
  await registry.close();
  await worker.process.stop();
  await database.close();
  await Promise.all([broker.server.stop(), redis.stop()]);
});

const phoneOf = (number: number) => `38068000000${number}`;

async function logIn(
  clientId: string,
  heard: string[],
  { username = 'api', password = `token of ${clientId}` } = {},
): Promise<MqttClient> {
  const login = { ca: broker.certificate.cert, clientId, username, password };
  const keep = ({ payload }: Received) => heard.push(print(decode(payload)));
  const client = await openClient(broker.server.url, { ...login, protocolVersion: 4 }, keep);
  open.push(client);
  return client;
}

async function admit(clientId: string, phone: string): Promise<void> {
  const session = { client: clientId, phone, token: `token of ${clientId}` };
  assert.equal(await signIn(session, '00', registry), 'stored');
}

const request = (phone: string, status: string) => encode(profile({ phone, status }));
const topic = 'events/1//api/anon//';
const handled = () => worker.metric('profile_requests_total{kind="init",result="ok",lane="fast"}');

test('it is not_found without a profile, then the profile with status init, at each login', async () => {
  const phone = phoneOf(1);
  await admit('emqttd_1', phone);
  const heard: string[] = [];
  const client = await logIn('emqttd_1', heard);
  await eventually('an answer comes', () => heard.length > 0);
  assert.deepEqual(heard.splice(0), ['{io,{error,not_found},<<>>}']);
  await client.publishAsync(topic, request(phone, 'set'), { qos: 2 });
  await eventually('an answer comes', () => heard.length > 0);
  await client.endAsync();
  heard.splice(0);
  await logIn('emqttd_1', heard);
  await eventually('the profile comes', () => heard.length > 0);
  assert.match(heard[0] ?? '', new RegExp(`^\\{'Profile',<<"${phone}">>,.*,init\\}$`));
  assert.equal(heard.length, 1);
});

test('a login that is refused sends nothing, to nobody', async () => {
  const phone = phoneOf(2);
  await admit('emqttd_2', phone);
  const heard: string[] = [];
  const client = await logIn('emqttd_2', heard);
  await client.publishAsync(topic, request(phone, 'set'), { qos: 2 });
  await eventually('both answers come', () => heard.length === 2);
  heard.splice(0);
  const before = await handled();
  for (let attempt = 0; attempt < 10; attempt++)
    await assert.rejects(logIn('emqttd_2', heard, { password: 'wrong' }), /not authorized/i);
  await client.publishAsync(topic, request(phone, 'get'), { qos: 2 });
  await eventually('the answer comes', () => heard.some((term) => term.endsWith(',get}')));
  assert.equal(heard.length, 1);
  assert.equal(await handled(), before);
  // The refused ones did not make the broker forget whose phone the client is.
  const other = await openClient(broker.server.url, {
    ...broker.login('worker'),
    clientId: 'profile-notices',
  });
  open.push(other);
  const notice = encode(profile({ phone, status: 'get' }));
  await other.publishAsync(`ses/${phone}`, notice, { qos: 1 });
  await eventually('the notice comes', () => heard.length === 2);
});

test('other users are sent nothing', async () => {
  await admit('emqttd_3', phoneOf(3));
  const heard: string[] = [];
  const client = await logIn('emqttd_3', heard, { username: phoneOf(3) });
  await client.publishAsync(topic, request(phoneOf(3), 'set'), { qos: 2 });
  await eventually('the answer comes', () => heard.length > 0);
  assert.equal(heard.length, 1);
});

test('who logs in again and again is held to its limit', async () => {
  await admit('emqttd_4', phoneOf(4));
  const heard: string[] = [];
  const begun = performance.now();
  for (let login = 0; login < 60; login++) await (await logIn('emqttd_4', heard)).endAsync();
  const result = (name: string) =>
    worker.metric(`profile_requests_total{kind="init",result="${name}",lane="fast"}`);
  await eventually('all are answered', async () => {
    const invalid = await worker.metric(
      'profile_requests_total{kind="invalid",result="too_many_requests",lane="fast"}',
    );
    return (await result('not_found')) + (await result('too_many_requests')) + invalid >= 60;
  });
  const allowed = 2 + 2 * 10 + (performance.now() - begun) / 1_000;
  assert.ok((await result('not_found')) <= allowed, `${await result('not_found')} of ${allowed}`);
});
