/** One client cannot fill the queues of the workers, by bytes or by count: what others ask meanwhile is answered. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import mqtt from 'mqtt';
import type { Packet } from 'mqtt-packet';
import { type MosquittoOptions, PLUGINS, startMosquitto } from '../../dev/servers/mosquitto.ts';
import type { Server } from '../../dev/servers/process.ts';
import { brokerMemory, mebibyte, RawClient } from '../harness/broker-memory.ts';
import { eventually } from '../harness/eventually.ts';
import { type Harness, startHarness } from '../harness/harness.ts';
import { connectClient, watch } from '../harness/mqtt-clients.ts';
import { fieldsOf, profile } from '../harness/terms.ts';

const topic = 'events/1//api/anon//';
const NOT_AUTHORIZED = 135;
const LARGEST = 524_288;
/** As in mosquitto.conf. */
const bytes = { burst: 2_359_296, perSecond: 262_144 };
const count = { burst: 2_000, perSecond: 200 };

async function brokerOf(t: TestContext, options: MosquittoOptions = {}): Promise<Server> {
  const broker = await startMosquitto({ persistence: false, ...options });
  t.after(() => broker.stop());
  return broker;
}

/** Publishes without waiting for answers. @returns how many the broker has accepted. */
async function flood(client: RawClient, requests: number, size: number): Promise<number> {
  const payload = Buffer.alloc(size, 131);
  const before = client.received.length;
  for (let index = 0; index < requests; index++)
    await client.send({
      ...{ cmd: 'publish', topic, payload, qos: 1, dup: false, retain: false },
      messageId: 1 + (index % 65_535),
    });
  const isAnswer = ({ cmd }: Packet) => cmd === 'puback';
  const answers = () => client.received.slice(before).filter(isAnswer);
  await eventually('all are answered', () => answers().length === requests);
  return answers().filter((packet) => 'reasonCode' in packet && packet.reasonCode !== NOT_AUTHORIZED).length;
}

/** What has flowed back into an allowance since, and what it held. */
const allowed = ({ burst, perSecond }: typeof bytes, since: number): number =>
  burst + (perSecond * (performance.now() - since)) / 1_000;

describe('both workers are frozen while clients send 500 requests of 256 KiB', () => {
  for (const clients of [1, 10])
    test(`${clients} of them: each request of 20 neighbours is answered afterwards`, async (t) => {
      const harness = await startHarness({
        workers: 2,
        broker: { requestLimits: true },
        // Frozen workers are not taken for dead.
        settings: { CLIENT_RATE: '50', CLIENT_BURST: '500', HEARTBEAT_MS: '60000', HEIR_AFTER_MS: '180000' },
      });
      t.after(() => harness.stop());
      await keepsNeighbours(t, harness, clients);
    });
});

async function keepsNeighbours(t: TestContext, harness: Harness, clients: number): Promise<void> {
  const phones = await Promise.all(Array.from({ length: 20 }, () => harness.phone()));
  for (const phone of phones) fieldsOf(await phone.ask(profile({ phone: phone.number, status: 'set' })));
  for (const worker of harness.workers) await worker.process.kill('SIGSTOP');
  try {
    const greedy = Array.from({ length: clients }, (_, index) =>
      RawClient.connect(harness.broker.url, `greedy-${index}`),
    );
    for (const client of await Promise.all(greedy)) {
      t.after(() => client.end());
      await flood(client, 500 / clients, 262_144);
    }
    for (const phone of phones)
      for (let asked = 0; asked < 5; asked++)
        await phone.send(profile({ phone: phone.number, status: 'get' }), { qos: 1 });
  } finally {
    for (const worker of harness.workers) await worker.process.kill('SIGCONT');
  }
  for (const phone of phones)
    await eventually(`${phone.client} has all answers`, () => phone.answers.length >= 5);
}

test('bytes: a client gets its burst and its rate, and connecting anew brings nothing', async (t) => {
  const broker = await brokerOf(t);
  const begun = performance.now();
  let accepted = 0;
  for (let connection = 0; connection < 20; connection++) {
    const client = await RawClient.connect(broker.url, 'greedy');
    accepted += await flood(client, 10, 200_000);
    client.end();
  }
  assert.ok(accepted >= 11, `${accepted} are accepted`);
  assert.ok(accepted * 200_000 <= allowed(bytes, begun), `${accepted} are accepted`);
});

test('count: 10,000 small requests do not get in at once', async (t) => {
  const broker = await brokerOf(t);
  const client = await RawClient.connect(broker.url, 'greedy');
  t.after(() => client.end());
  const begun = performance.now();
  const accepted = await flood(client, 10_000, 10);
  assert.ok(accepted >= count.burst && accepted <= allowed(count, begun), `${accepted} are accepted`);
});

test('wills: a client that breaks off sends no more by them than by requests', async (t) => {
  const broker = await brokerOf(t);
  const watcher = await watch(t, broker.url, 'events/#');
  const fence = await connectClient(t, broker.url, { clientId: 'fence' });
  const begun = performance.now();
  for (let connection = 0; connection < 60; connection++) {
    const client = mqtt.connect(broker.url, {
      ...{ clientId: 'greedy', reconnectPeriod: 0, protocolVersion: 5 },
      will: { topic, payload: Buffer.alloc(60_000), qos: 1, retain: false },
    });
    await new Promise((resolve) => client.once('connect', resolve));
    client.stream.destroy();
    await client.endAsync(true);
  }
  await eventually('the first come', () => watcher.seen.length >= 39);
  await watcher.after(fence);
  const heard = watcher.seen.filter(({ payload }) => payload.length === 60_000).length;
  assert.ok(heard >= 39 && heard * 60_000 <= allowed(bytes, begun), `${heard} wills`);
});

test('properties count: what the broker keeps of them is in no other bound', async (t) => {
  const broker = await brokerOf(t);
  const client = await connectClient(t, broker.url, { clientId: 'greedy' });
  const text = 'x'.repeat(60_000);
  const properties = {
    correlationData: Buffer.alloc(60_000),
    userProperties: { one: [text, text], two: text },
  };
  const results = await Promise.allSettled(
    Array.from({ length: 100 }, () => client.publishAsync(topic, 'p', { qos: 1, properties })),
  );
  const accepted = results.filter(({ status }) => status === 'fulfilled').length;
  assert.ok(accepted >= 9 && accepted < 50, `${accepted} are accepted`);
  const many = { userProperties: Object.fromEntries(Array.from({ length: 30_000 }, (_, n) => [`${n}`, ''])) };
  const other = await connectClient(t, broker.url, { clientId: 'other' });
  await assert.rejects(other.publishAsync(topic, 'p', { qos: 1, properties: many }), {
    code: NOT_AUTHORIZED,
  });
});

test('an honest client is not refused: 500 requests of 4 KiB at once, or some of the largest', async (t) => {
  const broker = await brokerOf(t);
  const [small, large] = await Promise.all([
    RawClient.connect(broker.url, 'small'),
    RawClient.connect(broker.url, 'large'),
  ]);
  t.after(() => [small, large].map((client) => client.end()));
  assert.equal(await flood(small, 500, 4_096), 500);
  assert.equal(await flood(large, 4, LARGEST), 4);
});

test('a client that is refused stays connected, and may publish elsewhere: MQTT 5 tells, MQTT 3.1.1 does not', async (t) => {
  const broker = await brokerOf(t);
  const watcher = await watch(t, broker.url, 'events/#');
  const tooLarge = Buffer.alloc(LARGEST + 1);
  for (const protocolVersion of [4, 5] as const) {
    const client = await connectClient(t, broker.url, { clientId: `v${protocolVersion}`, protocolVersion });
    await client.publishAsync(topic, tooLarge, { qos: 0 });
    for (const qos of [1, 2] as const) {
      const publishing = client.publishAsync(topic, tooLarge, { qos });
      if (protocolVersion === 5) await assert.rejects(publishing, { code: NOT_AUTHORIZED });
      else await publishing;
    }
    assert.deepEqual(await watcher.after(client), []);
    await client.publishAsync('elsewhere', tooLarge, { qos: 2 });
    await client.publishAsync(topic, Buffer.alloc(LARGEST), { qos: 2 });
    assert.equal((await watcher.after(client)).length, 1);
  }
});

test('a worker may answer as much as it likes', async (t) => {
  const broker = await brokerOf(t);
  const worker = await connectClient(t, broker.url, { clientId: 'profile-1' });
  const payload = Buffer.alloc(1_000_000);
  for (let answer = 0; answer < 20; answer++)
    await worker.publishAsync('actions/1/api/x', payload, { qos: 1 });
});

test('refusals are logged once a minute, with the client and how many were not logged', async (t) => {
  const broker = await brokerOf(t);
  const client = await RawClient.connect(broker.url, 'greedy');
  t.after(() => client.end());
  await flood(client, 100, 262_144);
  const lines = broker
    .log()
    .split('\n')
    .filter((line) => line.includes('refused'));
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] ?? '',
    /request of client "greedy" refused: it sends too much \(0 more not logged\)$/,
  );
});

test('1,000 clients in debt cost the broker no more than its table', {
  skip: process.platform !== 'linux' && 'memory is read from /proc',
}, async (t) => {
  const broker = await brokerOf(t, { extraConfig: 'connection_messages false' });
  const owe = async (from: number) => {
    for (let index = from; index < from + 500; index++) {
      const client = await RawClient.connect(broker.url, `client-${index}`);
      await flood(client, 1, LARGEST);
      client.end();
    }
  };
  await owe(0);
  const before = brokerMemory(broker);
  await owe(500);
  const more = (brokerMemory(broker) - before) / mebibyte;
  assert.ok(more < 2, `${more.toFixed(1)} MiB more`);
});

test('without options the plugin has the limits of mosquitto.conf', async (t) => {
  const file = join(PLUGINS, 'client_identity.so');
  await brokerOf(t); // builds the plugin
  const broker = await brokerOf(t, { plugin: false, extraConfig: `plugin ${file}` });
  const client = await RawClient.connect(broker.url, 'greedy');
  t.after(() => client.end());
  const begun = performance.now();
  assert.equal(await flood(client, 1, LARGEST), 1);
  assert.equal(await flood(client, 1, LARGEST + 1), 0);
  const accepted = await flood(client, 5_000, 10);
  assert.ok(accepted >= count.burst - 2 && accepted <= allowed(count, begun), `${accepted} are accepted`);
  const other = await RawClient.connect(broker.url, 'other');
  t.after(() => other.end());
  const since = performance.now();
  const large = await flood(other, 30, 100_000);
  assert.ok(large >= 23 && large * 100_000 <= allowed(bytes, since), `${large} are accepted`);
});

test('0 a second is no limit', async (t) => {
  const broker = await brokerOf(t, { requestLimits: false });
  const client = await RawClient.connect(broker.url, 'greedy');
  t.after(() => client.end());
  assert.equal(await flood(client, 5_000, 10), 5_000);
  assert.equal(await flood(client, 10, 1_000_000), 10);
});
