/** The broker plugin: the worker reads the publisher's own client id in the topic of every request. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import { connectClient, type Received, watch } from '../../harness/mqtt-clients.ts';

const FIELD = 'events/1//api/anon//';
const topics = (messages: Received[]) => messages.map(({ topic }) => topic);

const broker = await startMosquitto();
after(() => broker.stop());

describe('a request carries its publisher’s client id', () => {
  for (const protocolVersion of [4, 5] as const) {
    for (const qos of [0, 1, 2] as const) {
      test(`MQTT ${protocolVersion === 4 ? '3.1.1' : '5'}, QoS ${qos}: in an empty level and instead of another’s`, async (t) => {
        const watcher = await watch(t, broker.url);
        const phone = await connectClient(t, broker.url, {
          clientId: `emqttd_${protocolVersion}${qos}`,
          protocolVersion,
        });
        await phone.publishAsync(FIELD, 'bare', { qos });
        await phone.publishAsync('events/1/node/api/user/victim/token', 'forged', { qos });
        assert.deepEqual(topics(await watcher.after(phone)), [
          `events/1//api/anon/emqttd_${protocolVersion}${qos}/`,
          `events/1/node/api/user/emqttd_${protocolVersion}${qos}/token`,
        ]);
      });
    }
  }

  test('a client in C is named too', async (t) => {
    const watcher = await watch(t, broker.url);
    const request = ['-p', `${broker.port}`, '-i', 'c_client', '-q', '2', '-t', FIELD, '-m', 'from C'];
    await promisify(execFile)('mosquitto_pub', request);
    assert.equal(
      (await watcher.message((m) => `${m.payload}` === 'from C')).topic,
      'events/1//api/anon/c_client/',
    );
  });

  test('a client without a client id is named by the id that the broker assigned', async (t) => {
    const watcher = await watch(t, broker.url);
    const phone = await connectClient(t, broker.url, { clientId: '' });
    await phone.publishAsync(FIELD, '', { qos: 1 });
    const [topic] = topics(await watcher.after(phone));
    assert.match(topic ?? '', /^events\/1\/\/api\/anon\/auto-[0-9A-F-]{36}\/$/);
  });

  for (const length of [1, 65_000]) {
    test(`an id of ${length} byte(s)`, async (t) => {
      const id = 'x'.repeat(length);
      const watcher = await watch(t, broker.url);
      const phone = await connectClient(t, broker.url, { clientId: id });
      await phone.publishAsync(FIELD, 'p', { qos: 1 });
      await phone.publishAsync('events/1//api/anon/someone-with-a-longer-name/', 'p', { qos: 2 });
      assert.deepEqual(topics(await watcher.after(phone)), Array(2).fill(`events/1//api/anon/${id}/`));
    });
  }

  test('a topic alias of MQTT 5 stands for the topic that the client sent, and the client is named each time', async (t) => {
    const watcher = await watch(t, broker.url);
    const phone = await connectClient(t, broker.url, { clientId: 'aliaser' });
    await phone.publishAsync('events/1//api/anon/victim/', '1', { qos: 1, properties: { topicAlias: 3 } });
    await phone.publishAsync('', '2', { qos: 1, properties: { topicAlias: 3 } });
    assert.deepEqual(topics(await watcher.after(phone)), Array(2).fill('events/1//api/anon/aliaser/'));
  });

  test('two clients that forge each other’s name are both named correctly, 200 requests each', async (t) => {
    const watcher = await watch(t, broker.url, '$share/profile/events/1/+/api/+/+/+');
    const [one, two] = await Promise.all(
      ['one', 'two'].map((clientId) => connectClient(t, broker.url, { clientId })),
    );
    assert.ok(one && two);
    await Promise.all(
      Array.from({ length: 200 }, () => [
        one.publishAsync('events/1//api/anon/two/', 'one', { qos: 1 }),
        two.publishAsync('events/1//api/anon/one/', 'two', { qos: 2 }),
      ]).flat(),
    );
    const requests = [...(await watcher.after(one)), ...(await watcher.after(two))];
    assert.equal(requests.length, 400);
    for (const { topic, payload } of requests) assert.equal(topic, `events/1//api/anon/${payload}/`);
  });

  test('payload and properties arrive unchanged', async (t) => {
    const watcher = await watch(t, broker.url);
    const phone = await connectClient(t, broker.url, { clientId: 'careful' });
    const payload = Buffer.from(Array.from({ length: 256 * 1024 }, (_, at) => at & 255));
    const properties = {
      correlationData: Buffer.from([0, 131, 255]),
      responseTopic: 'actions/1/api/careful',
      contentType: 'application/x-erlang-binary',
      userProperties: { trace: 'a/b' },
    };
    await phone.publishAsync(FIELD, payload, { qos: 2, properties });
    const [request] = await watcher.after(phone);
    assert.ok(request?.payload.equals(payload));
    assert.deepEqual(
      { ...request?.properties, userProperties: { ...request?.properties?.userProperties } },
      properties,
    );
  });

  test('requests are named after the broker has read its configuration again', async (t) => {
    await broker.kill('SIGHUP');
    const watcher = await watch(t, broker.url);
    const phone = await connectClient(t, broker.url, { clientId: 'after_hup' });
    await phone.publishAsync('events/1//api/anon/victim/', '', { qos: 1 });
    assert.deepEqual(topics(await watcher.after(phone)), ['events/1//api/anon/after_hup/']);
  });
});

test('topics with more or fewer levels, or other words in them, are left alone', async (t) => {
  const others = [
    'events/1//api/anon/victim',
    'events/1//api/anon',
    'events/1/',
    'events/1//api/',
    'events/1//api/anon/victim//',
    'events/1//api/anon/victim/token/more',
    '/events/1//api/anon/victim/',
    'events/1/a/b/api/anon/victim/',
    'events/2//api/anon/victim/',
    'events/11//api/anon/victim/',
    'events/1//apis/anon/victim/',
    'Events/1//api/anon/victim/',
    'actions/1/api/victim',
    '//////',
  ];
  const watcher = await watch(t, broker.url);
  const phone = await connectClient(t, broker.url, { clientId: 'plain' });
  for (const topic of others) await phone.publishAsync(topic, 'p', { qos: 1 });
  assert.deepEqual(topics(await watcher.after(phone)), others);
});

test('without the plugin a request keeps the name that its publisher gave it', async (t) => {
  const plain = await startMosquitto({ plugin: false, persistence: false });
  t.after(() => plain.stop());
  const watcher = await watch(t, plain.url);
  const phone = await connectClient(t, plain.url, { clientId: 'plain' });
  await phone.publishAsync('events/1//api/anon/victim/', 'p', { qos: 1 });
  assert.deepEqual(topics(await watcher.after(phone)), ['events/1//api/anon/victim/']);
});

test('requests that wait for an absent worker keep their publisher’s name over a restart of the broker', async (t) => {
  const own = await startMosquitto();
  t.after(() => own.stop());
  const session = { clientId: 'worker', clean: false, properties: { sessionExpiryInterval: 300 } };
  const worker = await connectClient(t, own.url, session);
  await worker.subscribeAsync('events/#', { qos: 1 });
  await worker.endAsync();
  const phone = await connectClient(t, own.url, { clientId: 'patient' });
  for (const qos of [1, 2] as const)
    await phone.publishAsync('events/1//api/anon/victim/', `${qos}`, { qos });
  await own.restart();
  const waiting: string[] = [];
  const returned = await connectClient(t, own.url, session, ({ topic, payload }) =>
    waiting.push(`${topic} ${payload}`),
  );
  while (waiting.length < 2) await new Promise((resolve) => returned.once('message', resolve));
  assert.deepEqual(waiting, ['events/1//api/anon/patient/ 1', 'events/1//api/anon/patient/ 2']);
});
