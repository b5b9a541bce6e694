/** What one client can make the broker hold, in the shipped configuration: at most 64 MiB. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { startMosquitto } from '../../dev/servers/mosquitto.ts';
import type { Server } from '../../dev/servers/process.ts';
import { connectBroker } from '../../src/mqtt/connection.ts';
import { brokerMemory, mebibyte, RawClient } from '../harness/broker-memory.ts';
import { eventually } from '../harness/eventually.ts';
import { connectClient } from '../harness/mqtt-clients.ts';

/** Beyond its allowance, or above what it may have unreleased. */
const refusals = [135, 151];
const LARGEST_ANSWER = 2_300_000;
const mine = 'actions/1/api/greedy';

describe('one client of the broker', {
  skip: process.platform !== 'linux' && 'memory is read from /proc',
}, () => {
  let broker: Server;
  let calm: number;
  beforeEach(async () => {
    broker = await startMosquitto({ persistence: false });
    calm = brokerMemory(broker);
  });
  afterEach(() => broker.stop());

  const isBounded = () => {
    const more = (brokerMemory(broker) - calm) / mebibyte;
    assert.ok(more <= 64, `${more.toFixed(1)} MiB more than calm`);
  };

  for (const qos of [1, 2] as const) {
    test(`leaves 690 MB of answers unread in its socket, at QoS ${qos}`, async (t) => {
      const greedy = await RawClient.connect(broker.url, 'greedy');
      t.after(() => greedy.end());
      await greedy.subscribe(mine, qos);
      greedy.stopReading();
      const worker = await connectClient(t, broker.url, { clientId: 'worker' });
      for (let count = 0; count < 300; count++)
        await worker.publishAsync(mine, Buffer.alloc(LARGEST_ANSWER), { qos });
      isBounded();
    });
  }

  test('leaves 100,000 small answers unread', async (t) => {
    const greedy = await RawClient.connect(broker.url, 'greedy');
    t.after(() => greedy.end());
    await greedy.subscribe(mine, 1);
    greedy.stopReading();
    const worker = await RawClient.connect(broker.url, 'worker');
    t.after(() => worker.end());
    for (let count = 0; count < 100_000; count++)
      await worker.send(publish(mine, Buffer.alloc(30), 1, 1 + (count % 65_535)));
    await worker.send({ cmd: 'pingreq' });
    await worker.packet('pingresp');
    isBounded();
  });

  test('is away with 400 MB of notices in its session', async (t) => {
    const session = { clientId: 'away', clean: false, properties: { sessionExpiryInterval: 3600 } };
    const away = await connectClient(t, broker.url, session);
    await away.subscribeAsync('ses/380501112233', { qos: 1 });
    await away.endAsync();
    const worker = await connectClient(t, broker.url, { clientId: 'worker' });
    for (let count = 0; count < 400; count++)
      await worker.publishAsync('ses/380501112233', Buffer.alloc(1_000_000), { qos: 1 });
    isBounded();
  });

  for (const size of [4_000_000, 300_000]) {
    test(`publishes 300 MB at QoS 2 in requests of ${size} bytes, and releases none`, async (t) => {
      const greedy = await RawClient.connect(broker.url, 'greedy');
      t.after(() => greedy.end());
      const count = 300_000_000 / size;
      for (let id = 1; id <= count; id++)
        await greedy.send(publish('events/1//api/anon//', Buffer.alloc(size), 2, id));
      const answers = () => greedy.received.filter(({ cmd }) => cmd === 'pubrec');
      await eventually('all are answered', () => answers().length === count);
      const refused = answers().filter(
        (packet) => 'reasonCode' in packet && refusals.includes(Number(packet.reasonCode)),
      );
      assert.ok(refused.length > count / 2, `${refused.length} refused`);
      isBounded();
    });
  }

  test('subscribes to 10,000 filters', async (t) => {
    const greedy = await connectClient(t, broker.url, { clientId: 'greedy' });
    for (let page = 0; page < 10; page++) {
      const filters = Array.from({ length: 1000 }, (_, index) => `${mine}/${page}/${index}`);
      await greedy.subscribeAsync(filters, { qos: 1 });
    }
    isBounded();
  });
});

test('a worker that answers at QoS 2 keeps within what the broker takes: each of 100 large answers is accepted', async (t) => {
  const broker = await startMosquitto({ persistence: false });
  t.after(() => broker.stop());
  const options = {
    url: broker.url,
    clientId: 'profile-1',
    filter: '$share/profile/events/1/+/api/+/+/+',
    receiveMaximum: 256,
    sessionExpirySeconds: 0,
  };
  const connection = connectBroker(options, () => undefined);
  t.after(() => connection.close());
  const payload = Buffer.alloc(300_000);
  const publishing = Array.from({ length: 100 }, () => connection.publish({ topic: mine, payload, qos: 2 }));
  const results = await Promise.allSettled(publishing);
  assert.deepEqual(
    results.filter(({ status }) => status === 'rejected'),
    [],
  );
});

function publish(topic: string, payload: Buffer, qos: 0 | 1 | 2, messageId = 0) {
  return { cmd: 'publish' as const, topic, payload, qos, dup: false, retain: false, messageId };
}
