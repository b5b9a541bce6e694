/**
 * The broker plugin: Mosquitto does not pass wills through it, but its ACL check keeps them from naming another
 * client.
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

  test(`MQTT ${version}: a will in another client’s name arrives without a name`, async (t) => {
    const watcher = await watch(t, broker.url);
    const forger = await connectClient(t, broker.url, {
      clientId: 'forger',
      protocolVersion,
      ...will('events/1/node/api/anon/victim/token'),
    });
    forger.stream.destroy();
    const { topic } = await watcher.message(({ payload }) => `${payload}` === 'last words');
    assert.equal(topic, 'events/1/node/api/anon//token');
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
    assert.equal(topic, 'events/1//api/anon//');
  });
}

test('a delayed will of MQTT 5 names nobody else', async (t) => {
  const watcher = await watch(t, broker.url);
  const forger = await connectClient(t, broker.url, {
    clientId: 'patient',
    clean: false,
    properties: { sessionExpiryInterval: 60 },
    ...will('events/1//api/anon/victim/', { properties: { willDelayInterval: 1 } }),
  });
  forger.stream.destroy();
  const { topic } = await watcher.message(({ payload }) => `${payload}` === 'last words');
  assert.equal(topic, 'events/1//api/anon//');
});

test('the guard holds after the broker has read its configuration again', async (t) => {
  await broker.kill('SIGHUP');
  const watcher = await watch(t, broker.url);
  const forged = will('events/1//api/anon/victim/');
  const forger = await connectClient(t, broker.url, { clientId: 'forger', ...forged });
  forger.stream.destroy();
  const { topic } = await watcher.message(({ payload }) => `${payload}` === 'last words');
  assert.equal(topic, 'events/1//api/anon//');
});
