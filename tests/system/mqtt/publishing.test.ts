import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectAsync } from 'mqtt';
import { isPublishableTopic } from '../../../src/lib/topic-rules.ts';
import { connectBroker, PublishRefused } from '../../../src/mqtt/connection.ts';
import {
  endSession,
  names,
  options,
  plainBroker,
  publisher,
  startBroker,
  subscribed,
} from '../../harness/broker-connections.ts';
import { eventually } from '../../harness/eventually.ts';
import { Relay } from '../../harness/relay.ts';

const plain = await plainBroker();

for (const qos of [1, 2] as const) {
  test(`500 answers at once at QoS ${qos} are accepted, in order, by a broker that takes 20 at a time`, async (t) => {
    const broker = await startBroker();
    t.after(() => broker.stop());
    const received: string[] = [];
    const client = await publisher(t, broker.url);
    client.on('message', (topic) => received.push(topic));
    await client.subscribeAsync('out/#', { qos: 1 });
    const connection = connectBroker(options(broker.url), () => undefined);
    await subscribed(t, connection);
    const topics = Array.from({ length: 500 }, (_, n) => `out/${n}`);
    const payload = Buffer.from('answer');
    await Promise.all(topics.map((topic) => connection.publish({ topic, payload, qos })));
    await eventually('500 answers', () => received.length === 500);
    assert.deepEqual(received, topics);
    assert.deepEqual(connection.state, { connected: true, subscribed: true });
  });
}

for (const keepsSession of [true, false]) {
  test(`interrupted publishes are all accepted after a reconnect, ${keepsSession ? 'with' : 'without'} the session`, async (t) => {
    const { clientId, filter } = names();
    const relay = await Relay.start(plain);
    t.after(() => relay.stop());
    const connection = connectBroker(options(relay.url, { clientId, filter }), () => undefined);
    await subscribed(t, connection);
    const client = await publisher(t, plain.url);
    const [accepted, received]: [Set<number>, string[]] = [new Set(), []];
    client.on('message', (_topic, payload) => received.push(payload.toString()));
    await client.subscribeAsync(`out/${clientId}`, { qos: 2 });
    const numbers = Array.from({ length: 3000 }, (_, n) => n);
    const published = numbers.map(async (n) => {
      const qos = ((n % 2) + 1) as 1 | 2;
      await connection.publish({ topic: `out/${clientId}`, payload: Buffer.from(String(n)), qos });
      accepted.add(n);
    });
    for (const share of [300, 1000, 1700]) {
      await eventually('some accepted', () => accepted.size >= share);
      relay.cut();
      if (keepsSession) continue;
      await endSession(t, plain.url, clientId);
    }
    await Promise.all(published);
    await eventually('all received', () => new Set(received).size === 3000);
    if (keepsSession) {
      const exactlyOnce = received.filter((n) => Number(n) % 2 === 1);
      assert.equal(exactlyOnce.length, 1500, 'a QoS 2 publish came twice');
    }
  });
}

test('a publish that an ACL forbids is refused with the reason, and the next one is accepted', async (t) => {
  const asWorker = { username: 'worker', filter: '$share/profile/events/#' };
  const connection = connectBroker(options(plain.url, asWorker), () => undefined);
  await subscribed(t, connection);
  const payload = Buffer.from('secret');
  for (const qos of [1, 2] as const) {
    await assert.rejects(connection.publish({ topic: 'elsewhere', payload, qos }), (error) => {
      assert.ok(error instanceof PublishRefused);
      assert.deepEqual([error.reasonCode, error.message], [0x87, 'publish refused: not authorized']);
      return true;
    });
    await connection.publish({ topic: 'ses/nobody', payload, qos });
  }
});

test('no topic passes the check at which Mosquitto ends the connection', async () => {
  const texts = ['é', '\ufeff', '\x01', '\x7f', '\x85', '\ufdd0', '\ufffe', '\u{1ffff}', '\u{1f600}'];
  const topics = [199, 200, 201, 202, 250].map((levels) => `x${'/x'.repeat(levels - 1)}`);
  for (const topic of [...topics, ...texts.map((text) => `x/${text}/y`)]) {
    const client = await connectAsync(plain.url, { protocolVersion: 5, reconnectPeriod: 0 });
    const closed = new Promise<boolean>((resolve) => client.once('close', () => resolve(true)));
    const accepted = client.publishAsync(topic, 'p', { qos: 1 }).then(() => false);
    const isEnded = await Promise.race([accepted, closed]);
    accepted.catch(() => undefined);
    await client.endAsync(true);
    // Mosquitto takes 201 levels: it counts separators.
    if (isEnded || topic === topics[2]) assert.equal(isPublishableTopic(topic), false, topic);
    else assert.equal(isPublishableTopic(topic), true, topic);
  }
});
