/** mosquitto/acl: what workers, phones and a developer's own clients may publish and read. */
import assert from 'node:assert/strict';
import { after, type TestContext, test } from 'node:test';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import { connectClient, type Received, watch } from '../../harness/mqtt-clients.ts';

const PHONE = { username: '380501112233', clientId: 'emqttd_42' };
const WORKER = { username: 'worker', clientId: 'profile-worker' };
const NOT_AUTHORIZED = { code: 135 };

const broker = await startMosquitto({ persistence: false });
after(() => broker.stop());

/** The messages that a subscriber to `filter` receives while a developer's own client publishes to `topics`. */
async function readable(
  t: TestContext,
  who: typeof PHONE,
  filter: string,
  topics: string[],
): Promise<string[]> {
  const received: string[] = [];
  const client = await connectClient(t, broker.url, who, ({ topic }) => received.push(topic));
  await client.subscribeAsync(filter, { qos: 1 });
  const developer = await connectClient(t, broker.url, { clientId: 'developer' });
  for (const topic of topics) await developer.publishAsync(topic, 'p', { qos: 1 });
  await client.subscribeAsync('no/topic'); // Its answer arrives after all messages delivered before.
  return received;
}

test('a worker reads requests, through a shared subscription, and nothing else', async (t) => {
  const shared = await readable(t, WORKER, '$share/profile/events/1/+/api/+/+/+', ['events/1//api/anon//']);
  assert.deepEqual(shared, ['events/1//api/anon/developer/']);
  const other = await readable(t, { ...WORKER, clientId: 'w2' }, '#', [
    'events/x',
    'actions/1/api/emqttd_42',
    'ses/1',
    'x',
  ]);
  assert.deepEqual(other, ['events/x']);
});

test('a worker publishes answers, notices and its mirror, and nothing else', async (t) => {
  const worker = await connectClient(t, broker.url, WORKER);
  await worker.publishAsync('actions/1/api/emqttd_42', 'answer', { qos: 1 });
  await worker.publishAsync('ses/380501112233', 'notice', { qos: 1 });
  await worker.publishAsync('qa/help', 'help', { qos: 1 });
  await assert.rejects(worker.publishAsync('status', 'p', { qos: 1 }), NOT_AUTHORIZED);
});

test('a phone reads messages to its client id or its number, whatever it subscribes to', async (t) => {
  const topics = [
    'actions/1/api/emqttd_42',
    'actions/1/api/emqttd_42/text',
    'actions/1/api/emqttd_421',
    'actions/1/api/other',
    'ses/380501112233',
    'ses/380999999999',
    'events/1//api/anon//',
  ];
  assert.deepEqual(await readable(t, PHONE, '#', topics), [
    'actions/1/api/emqttd_42',
    'actions/1/api/emqttd_42/text',
    'ses/380501112233',
  ]);
});

test('a phone publishes requests, and nothing else', async (t) => {
  const watcher = await watch(t, broker.url);
  const phone = await connectClient(t, broker.url, PHONE);
  await phone.publishAsync('events/1//api/anon//', 'p', { qos: 2 });
  const named: Received = await watcher.message(({ topic }) => topic.startsWith('events/'));
  assert.equal(named.topic, 'events/1//api/anon/emqttd_42/');
  for (const topic of [
    'actions/1/api/emqttd_42',
    'ses/380501112233',
    'events/1//api/anon/',
    'events/2//api/anon//',
  ]) {
    await assert.rejects(phone.publishAsync(topic, 'p', { qos: 1 }), NOT_AUTHORIZED, topic);
  }
});

test('a developer’s client without a user name, such as MQTT Explorer, sees everything and the broker’s own state', async (t) => {
  const watcher = await watch(t, broker.url);
  const phone = await connectClient(t, broker.url, PHONE);
  const worker = await connectClient(t, broker.url, WORKER);
  await phone.publishAsync('events/1//api/anon//', 'p', { qos: 1 });
  await worker.publishAsync('actions/1/api/emqttd_42', 'p', { qos: 1 });
  await worker.publishAsync('ses/380501112233', 'p', { qos: 1 });
  await watcher.message(({ topic }) => topic === 'ses/380501112233');
  assert.equal(watcher.seen.length, 3);
  const system = await watch(t, broker.url, '$SYS/broker/version');
  assert.match(`${(await system.message(() => true)).payload}`, /^mosquitto version /);
});
