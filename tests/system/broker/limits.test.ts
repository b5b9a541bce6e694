/** mosquitto/mosquitto.conf: the broker's limits, and how it announces them. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import mqtt, { type IConnackPacket } from 'mqtt';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import { connectClient, watch } from '../../harness/mqtt-clients.ts';

const LARGEST_PACKET = 4_194_304;
const LARGEST_REQUEST = 524_288;

const broker = await startMosquitto({ persistence: false });
after(() => broker.stop());

test('a client with MQTT 5 receives the largest packet size and its number of publishes in flight', async (t) => {
  const client = mqtt.connect(broker.url, { protocolVersion: 5, reconnectPeriod: 0 });
  t.after(() => client.endAsync(true));
  const { properties } = await new Promise<IConnackPacket>((resolve) => client.once('connect', resolve));
  assert.equal(properties?.maximumPacketSize, LARGEST_PACKET);
  assert.equal(properties?.receiveMaximum, 1000);
});

test('a request well over 256 KiB still reaches the worker, which answers it; one over 512 KiB does not', async (t) => {
  const watcher = await watch(t, broker.url);
  const phone = await connectClient(t, broker.url, { clientId: 'big', protocolVersion: 4 });
  for (const size of [LARGEST_REQUEST, LARGEST_REQUEST + 1, LARGEST_PACKET - 1024])
    await phone.publishAsync('events/1//api/anon//', Buffer.alloc(size), { qos: 2 });
  assert.deepEqual(
    (await watcher.after(phone)).map(({ payload }) => payload.length),
    [LARGEST_REQUEST],
  );
});

test('a packet over the limit ends the connection of its sender', async (t) => {
  const phone = await connectClient(t, broker.url, { clientId: 'too-big', protocolVersion: 4 });
  const closed = new Promise<void>((resolve) => phone.once('close', () => resolve()));
  phone.publish('events/1//api/anon//', Buffer.alloc(LARGEST_PACKET + 1), { qos: 1 });
  await closed;
});

test('an absent worker gets all of 5,000 requests again, more than Mosquitto keeps by default', async (t) => {
  const broker = await startMosquitto({ persistence: false, requestLimits: false });
  t.after(() => broker.stop());
  const session = {
    clientId: 'worker',
    clean: false,
    properties: { sessionExpiryInterval: 300, receiveMaximum: 256 },
  };
  const worker = await connectClient(t, broker.url, session);
  await worker.subscribeAsync('$share/profile/events/1/+/api/+/+/+', { qos: 1 });
  await worker.endAsync();
  const phone = await connectClient(t, broker.url, { clientId: 'eager' });
  const numbers = Array.from({ length: 5000 }, (_, request) => `${request}`);
  await Promise.all(
    numbers.map((request) => phone.publishAsync('events/1//api/anon//', request, { qos: 1 })),
  );
  const found: string[] = [];
  const returned = await connectClient(t, broker.url, session, ({ payload }) => found.push(`${payload}`));
  while (found.length < numbers.length) await new Promise((resolve) => returned.once('message', resolve));
  assert.deepEqual(found, numbers);
});
