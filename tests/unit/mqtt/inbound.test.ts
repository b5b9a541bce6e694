import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { TurnBudget } from '../../../src/lib/turn-budget.ts';
import { Acknowledgements } from '../../../src/mqtt/acknowledgements.ts';
import type { BrokerConnection, Delivery } from '../../../src/mqtt/broker.ts';
import { Fence } from '../../../src/mqtt/fence.ts';
import { Inbound } from '../../../src/mqtt/inbound.ts';
import { WriteBatcher } from '../../../src/mqtt/write-batcher.ts';

const MEBIBYTE = 1024 * 1024;

function room(
  receiveMaximum: number,
  handOut: (delivery: Delivery) => void,
  budget = new TurnBudget(Number.POSITIVE_INFINITY),
) {
  const client = { connected: true, stream: new PassThrough() } as unknown as MqttClient;
  const acknowledgements = new Acknowledgements();
  acknowledgements.connected(false);
  let resolve = (): void => undefined;
  const turnEnded = new Promise<void>((ended) => {
    resolve = ended;
  });
  const writes = new WriteBatcher(client, acknowledgements, () => resolve());
  const parts = { acknowledgements, writes, fence: new Fence(client), receiveMaximum, budget };
  const inbound = new Inbound({} as BrokerConnection, parts, handOut);
  const receive = (packet: Partial<IPublishPacket>): boolean => {
    let unacked = false;
    const next = (error?: Error): void => {
      unacked = error !== undefined;
    };
    const whole = { cmd: 'publish', topic: 't', payload: Buffer.alloc(0), dup: false, retain: false };
    inbound.handleMessage({ ...whole, qos: 1, ...packet } as IPublishPacket, next);
    return unacked;
  };
  const written = (): Buffer => (client.stream as PassThrough).read() as Buffer;
  return { acknowledgements, inbound, receive, written, turnEnded };
}

test('the library sends no PUBACK at QoS 1, and otherwise its usual packets', () => {
  const { receive } = room(1, () => undefined);
  assert.equal(receive({ messageId: 1 }), true);
  assert.equal(receive({ qos: 0 }), false);
});

test('acknowledgements of one turn leave in one write', async () => {
  const handedOut: Delivery[] = [];
  const { receive, written, turnEnded, inbound } = room(9, (delivery) => handedOut.push(delivery));
  for (const messageId of [1, 2, 3]) receive({ messageId });
  receive({ qos: 0 });
  for (const delivery of handedOut) {
    delivery.acknowledge();
    delivery.acknowledge();
  }
  assert.equal(inbound.idle, false);
  await turnEnded;
  assert.equal(written().toString('hex'), '400200014002000240020003');
  assert.deepEqual([inbound.inFlight, inbound.idle], [0, true]);
});

test('a handler that acknowledges at once gets ten thousand waiting messages without a deep stack', () => {
  let handled = 0;
  let first: Delivery | undefined;
  const { receive, inbound } = room(1, (delivery) => {
    if (handled++ === 0) first = delivery;
    else delivery.acknowledge();
  });
  for (let messageId = 1; messageId <= 10_000; messageId++) receive({ messageId });
  assert.equal(handled, 1);
  first?.acknowledge();
  assert.equal(handled, 10_000);
  assert.equal(inbound.inFlight, 10_000); // No turn has ended, so no PUBACK is written yet.
});

test('all bytes of a waiting packet count, and of its user properties only those that are read are kept', () => {
  const handedOut: Delivery[] = [];
  const { receive, inbound } = room(1, (delivery) => handedOut.push(delivery));
  const userProperties = { traceparent: 'a', tracestate: 'b', other: ['c', 'd'] };
  for (let messageId = 1; messageId <= 40; messageId++)
    receive({ messageId, length: MEBIBYTE, properties: { userProperties } });
  assert.equal(inbound.passedOver, true);
  assert.ok(inbound.inFlight > 10 && inbound.inFlight < 20, `${inbound.inFlight} MiB are kept`);
  assert.deepEqual(handedOut[0]?.userProperties, { traceparent: 'a', tracestate: 'b' });
});

test('messages beyond the bound are skipped, and accepted when the broker sends them on the next connection', () => {
  const handedOut: Delivery[] = [];
  const { receive, inbound, acknowledgements } = room(1, (delivery) => handedOut.push(delivery));
  const payload = Buffer.alloc(MEBIBYTE);
  for (let messageId = 1; messageId <= 40; messageId++) assert.equal(receive({ messageId, payload }), true);
  const kept = inbound.inFlight;
  assert.equal(inbound.passedOver, true);
  assert.ok(kept > 10 && kept < 20, `${kept} MiB are kept`);
  for (let next = 0; next < handedOut.length; next++) handedOut[next]?.acknowledge();
  assert.equal(handedOut.length, kept);

  acknowledgements.connected(true);
  inbound.connected(true);
  for (let messageId = 1; messageId <= 40; messageId++) receive({ messageId, payload, dup: true });
  assert.equal(handedOut.length, kept + 1); // The earlier ones are recognized, and acknowledged again.
  assert.equal(handedOut.at(-1)?.redelivered, true);
  assert.equal(handedOut.at(-1)?.charged, 'no');
});

test('so many deliveries are handed out in a turn as fit in its budget; all are, in their order', async () => {
  let now = 0;
  const handedOut: number[] = [];
  const handOut = ({ packetId }: Delivery) => {
    now++;
    handedOut.push(packetId);
  };
  const { receive } = room(100, handOut, new TurnBudget(5, () => now));
  for (let messageId = 1; messageId <= 50; messageId++) receive({ messageId });
  for (let before = 0; handedOut.length < 50; before = handedOut.length, await nextTurn())
    assert.ok(handedOut.length - before <= 5, `${handedOut.length - before} in one turn`);
  assert.deepEqual(
    handedOut,
    Array.from({ length: 50 }, (_, index) => index + 1),
  );
});

/** Dispatching takes a millisecond of a clock that only this counts. */
function counted(receiveMaximum: number) {
  let now = 0;
  const handedOut: Delivery[] = [];
  const hold = (delivery: Delivery): void => {
    now++;
    handedOut.push(delivery);
  };
  const { receive } = room(receiveMaximum, hold, new TurnBudget(10, () => now));
  let messageId = 0;
  const send = (topic: string): boolean => receive({ topic, messageId: ++messageId });
  return { handedOut, send, topics: () => handedOut.map(({ topic }) => topic) };
}

test('what comes behind two hundred of one sender is handed out in the same turn, before most of them', async () => {
  const { send, handedOut, topics } = counted(256);
  for (let count = 0; count < 200; count++) send('greedy');
  for (const honest of ['b', 'c', 'd']) send(honest);
  assert.deepEqual(topics(), ['greedy', 'greedy', 'greedy', 'greedy', 'b', 'c', 'd']);
  await nextTurn();
  for (let count = 0; count < 8; count++) send('greedy');
  send('e');
  const before = handedOut.length;
  await nextTurn();
  assert.ok(
    topics()
      .slice(before, before + 2)
      .includes('e'),
    'when the budget is spent, it is the next but one',
  );
  while (handedOut.length < 212) await nextTurn();
  const ids = handedOut.filter(({ topic }) => topic === 'greedy').map(({ packetId }) => packetId);
  assert.deepEqual(
    ids,
    ids.toSorted((a, b) => a - b),
    'those of one sender keep their order',
  );
});

test('a sender that fills the window waits for the others when places get free', () => {
  const { send, handedOut, topics } = counted(4);
  for (let count = 0; count < 50; count++) send('greedy');
  send('b');
  assert.equal(handedOut.length, 4);
  for (const delivery of handedOut.slice(0, 2)) delivery.acknowledge();
  assert.deepEqual(topics().slice(4), ['greedy', 'b']);
});
