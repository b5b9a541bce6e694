/**
 * The broker plugin: Mosquitto does not pass wills through its message callback, but by way of the ACL check they get
 * the client id of their client as a publish does.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { IClientOptions } from 'mqtt';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import { connectClient, watch } from '../../harness/mqtt-clients.ts';

const broker = await startMosquitto({ persistence: false });
after(() => broker.stop());

const will = (topic: string, options: Partial<NonNullable<IClientOptions['will']>> = {}) => ({
  will: { topic, payload: Buffer.from('last words'), qos: 1 as const, retain: false, ...options },
});

for (const protocolVersion of [4, 5] as const) {
  const version = protocolVersion === 4 ? '3.1.1' : '5';

  test(`MQTT ${version}: a will in another client’s name arrives in its own`, async (t) => {
    const watcher = await watch(t, broker.url);
    const forger = await connectClient(t, broker.url, {
      clientId: 'forger',
      protocolVersion,
      ...will('events/1/node/api/anon/victim/token'),
    });
    forger.stream.destroy();
    const { topic } = await watcher.message(({ payload }) => `${payload}` === 'last words');
    assert.equal(topic, 'events/1/node/api/anon/forger/token');
  });

  test(`MQTT ${version}: a will in the client’s own name keeps it`, async (t) => {
    const watcher = await watch(t, broker.url);
    const own = will('events/1//api/anon/honest/');
    const honest = await connectClient(t, broker.url, { clientId: 'honest', protocolVersion, ...own });
    honest.stream.destroy();
    const { topic } = await watcher.message(({ payload }) => `${payload}` === 'last words');
    assert.equal(topic, 'events/1//api/anon/honest/');
  });

  test(`MQTT ${version}: a will that is not a request stays as it is`, async (t) => {
    const watcher = await watch(t, broker.url);
    const client = await connectClient(t, broker.url, {
      clientId: 'mortal',
      protocolVersion,
      ...will('status/victim'),
    });
    client.stream.destroy();
    const { topic } = await watcher.message(({ payload }) => `${payload}` === 'last words');
    assert.equal(topic, 'status/victim');
  });

  test(`MQTT ${version}: a will sent because the same client id connects again names nobody else`, async (t) => {
    const watcher = await watch(t, broker.url);
    const forged = will('events/1//api/anon/victim/');
    await connectClient(t, broker.url, { clientId: 'twin', protocolVersion, ...forged });
    await connectClient(t, broker.url, { clientId: 'twin', protocolVersion });
    const { topic } = await watcher.message(({ payload }) => `${payload}` === 'last words');
    assert.equal(topic, 'events/1//api/anon/twin/');
  });

  for (const qos of [0, 1, 2] as const) {
    test(`MQTT ${version}: a will at QoS ${qos} on the topic of clients in the field gets its client id, once`, async (t) => {
      const watcher = await watch(t, broker.url);
      const worker = await connectClient(t, broker.url, { clientId: 'worker' });
      await worker.subscribeAsync('$share/profile/events/1/+/api/+/+/+', { qos: 1 });
      const heard: string[] = [];
      worker.on('message', (topic, payload, packet) => heard.push(`${topic} ${payload} ${packet.qos}`));
      const field = will('events/1//api/anon//', { qos });
      const phone = await connectClient(t, broker.url, { clientId: 'emqttd_42', protocolVersion, ...field });
      phone.stream.destroy();
      const { topic } = await watcher.message(({ payload }) => `${payload}` === 'last words');
      assert.equal(topic, 'events/1//api/anon/emqttd_42/');
      await worker.publishAsync('events/1//api/anon//', 'afterwards', { qos: 1 });
      await watcher.message(({ payload }) => `${payload}` === 'afterwards');
      await worker.unsubscribeAsync('fence');
      const expected = [`events/1//api/anon/emqttd_42/ last words ${Math.min(qos, 1)}`];
      assert.deepEqual(heard, [...expected, 'events/1//api/anon/worker/ afterwards 1']);
      assert.equal(watcher.seen.filter(({ payload }) => `${payload}` === 'last words').length, 1);
    });
  }
}

test('a delayed will of MQTT 5 names its client and nobody else', async (t) => {
  const watcher = await watch(t, broker.url);
  const forger = await connectClient(t, broker.url, {
    clientId: 'patient',
    clean: false,
    properties: { sessionExpiryInterval: 60 },
    ...will('events/1//api/anon/victim/', { properties: { willDelayInterval: 1 } }),
  });
  forger.stream.destroy();
  const { topic } = await watcher.message(({ payload }) => `${payload}` === 'last words');
  assert.equal(topic, 'events/1//api/anon/patient/');
});

test('a will of a client whose id cannot stand in a topic reaches nobody', async (t) => {
  const watcher = await watch(t, broker.url);
  for (const clientId of ['a/b', '+', '#']) {
    const options = { clientId, ...will('events/1//api/anon//') };
    (await connectClient(t, broker.url, options)).stream.destroy();
  }
  const last = await connectClient(t, broker.url, { clientId: 'last', ...will('status/last') });
  last.stream.destroy();
  await watcher.message(({ topic }) => topic === 'status/last');
  assert.equal(watcher.seen.length, 1);
});

test('the guard holds after the broker has read its configuration again', async (t) => {
  await broker.kill('SIGHUP');
  const watcher = await watch(t, broker.url);
  const forged = will('events/1//api/anon/victim/');
  const forger = await connectClient(t, broker.url, { clientId: 'forger', ...forged });
  forger.stream.destroy();
  const { topic } = await watcher.message(({ payload }) => `${payload}` === 'last words');
  assert.equal(topic, 'events/1//api/anon/forger/');
});
