import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectBroker, type Delivery } from '../../../src/mqtt/connection.ts';
import {
  endSession,
  names,
  options,
  plainBroker,
  publishAll,
  publisher,
  startBroker,
  subscribed,
  topicsOf,
} from '../../harness/broker-connections.ts';
import { eventually } from '../../harness/eventually.ts';
import { Relay } from '../../harness/relay.ts';

const plain = await plainBroker();

test('300 delayed acknowledgements in reverse order confirm every message: none comes again (an assumption about MQTT.js)', async (t) => {
  const { clientId, filter, topic } = names();
  const [first, second]: [Delivery[], Delivery[]] = [[], []];
  const settings = options(plain.url, { clientId, filter, receiveMaximum: 300 });
  const connection = await subscribed(
    t,
    connectBroker(settings, (d) => first.push(d)),
  );
  await publishAll(await publisher(t, plain.url), topic, 300);
  await eventually('300 deliveries', () => first.length === 300);
  assert.equal(connection.inFlight, 300);
  for (const delivery of first.toReversed()) delivery.acknowledge();
  await eventually('acknowledged', () => connection.inFlight === 0);
  await connection.close();

  const again = await subscribed(
    t,
    connectBroker(settings, (d) => second.push(d)),
  );
  await again.leave(); // Ends with a fence, so that all other messages of the broker have arrived.
  assert.deepEqual(topicsOf(second), []);
  assert.equal(first.filter(({ redelivered }) => redelivered).length, 0);
});

test('a connection cut while 100 messages are in work: each is handled once and all are confirmed', async (t) => {
  const { clientId, filter, topic } = names();
  const relay = await Relay.start(plain);
  t.after(() => relay.stop());
  const deliveries: Delivery[] = [];
  const connection = await subscribed(
    t,
    connectBroker(options(relay.url, { clientId, filter }), (d) => deliveries.push(d)),
  );
  await publishAll(await publisher(t, plain.url), topic, 100);
  await eventually('100 deliveries', () => deliveries.length === 100);

  relay.cut();
  await eventually('cut', () => !connection.state.connected);
  for (const delivery of deliveries.slice(0, 50)) delivery.acknowledge(); // While there is no connection.
  await eventually('back', () => connection.state.subscribed);
  for (const delivery of deliveries.slice(50)) delivery.acknowledge();
  await eventually('all confirmed', () => connection.inFlight === 0);
  await connection.leave();
  assert.equal(deliveries.length, 100);
  assert.equal(new Set(topicsOf(deliveries)).size, 100);
});

test('unacknowledged messages of a killed worker are redelivered, marked, to the next process of its name', async (t) => {
  const { clientId, filter, topic } = names();
  const [first, second]: [Delivery[], Delivery[]] = [[], []];
  const settings = options(plain.url, { clientId, filter });
  const connection = await subscribed(
    t,
    connectBroker(settings, (d) => first.push(d)),
  );
  await publishAll(await publisher(t, plain.url), topic, 20);
  await eventually('20 deliveries', () => first.length === 20);
  for (const delivery of first.slice(0, 5)) delivery.acknowledge();
  await eventually('5 confirmed', () => connection.inFlight === 15);
  await connection.publish({ topic: `out/${clientId}`, payload: Buffer.from('fence'), qos: 1 });
  await connection.close();

  const next = connectBroker(settings, (d) => {
    second.push(d);
    d.acknowledge();
  });
  await subscribed(t, next);
  await eventually('15 deliveries', () => second.length === 15);
  await next.leave();
  assert.deepEqual(topicsOf(second), topicsOf(first.slice(5)));
  assert.ok(second.every(({ redelivered }) => redelivered));
});

test('a lost session is noticed and subscribed again, and late work of the old one confirms nothing in it', async (t) => {
  const { clientId, filter, topic } = names();
  const relay = await Relay.start(plain);
  t.after(() => relay.stop());
  const [deliveries, warnings]: [Delivery[], string[]] = [[], []];
  const log = { info: () => undefined, warn: (message: string) => void warnings.push(message) };
  const connection = await subscribed(
    t,
    connectBroker(options(relay.url, { clientId, filter }), (d) => deliveries.push(d), log),
  );
  const client = await publisher(t, plain.url);
  await publishAll(client, topic, 3);
  await eventually('3 deliveries', () => deliveries.length === 3);

  relay.cut();
  await endSession(t, plain.url, clientId);
  await eventually('back', () => connection.state.subscribed);
  assert.ok(warnings.includes('the broker has lost the session'));

  await publishAll(client, topic, 3); // The same packet ids, topics and payloads as before.
  await eventually('3 more deliveries', () => deliveries.length === 6);
  for (const delivery of deliveries.slice(0, 3)) delivery.acknowledge();
  await connection.publish({ topic: `out/${clientId}`, payload: Buffer.from('fence'), qos: 1 });
  assert.equal(connection.inFlight, 3);
  relay.cut();
  await eventually('back again', () => connection.inFlight === 3 && connection.state.subscribed);
  for (const delivery of deliveries.slice(3)) delivery.acknowledge();
  await eventually('confirmed', () => connection.inFlight === 0);
  assert.equal(deliveries.length, 6);
});

test('leaving with 300 queued messages loses none: they are processed here or go to another member', async (t) => {
  const { clientId, filter, topic } = names();
  const [mine, others]: [string[], string[]] = [[], []];
  const work = (list: string[]) => (delivery: Delivery) => {
    list.push(delivery.topic);
    setTimeout(() => delivery.acknowledge(), 2);
  };
  const leaver = connectBroker(options(plain.url, { clientId, filter, receiveMaximum: 10 }), work(mine));
  await subscribed(t, leaver);
  const client = await publisher(t, plain.url);
  const firstHalf = publishAll(client, topic, 300);
  await eventually('begun', () => mine.length >= 10);
  const other = connectBroker(options(plain.url, { clientId: `${clientId}b`, filter }), work(others));
  await subscribed(t, other);
  const secondHalf = publishAll(client, `${topic}/more`, 300);
  const left = leaver.leave();
  await Promise.all([firstHalf, secondHalf, left]);
  assert.deepEqual(leaver.state, { connected: false, subscribed: false, cause: 'closed' });
  await eventually('all handled', () => mine.length + others.length >= 600);
  assert.equal(new Set([...mine, ...others]).size, 600);

  const successor = connectBroker(options(plain.url, { clientId, filter }), () =>
    assert.fail('the session was not ended'),
  );
  await subscribed(t, successor);
  await successor.leave();
});

test('a connection that breaks while leaving is restored to finish, without a new subscription', async (t) => {
  const { clientId, filter, topic } = names();
  const relay = await Relay.start(plain);
  t.after(() => relay.stop());
  const handled: string[] = [];
  const work = (delivery: Delivery): void => {
    handled.push(delivery.topic);
    setTimeout(() => delivery.acknowledge(), 5);
  };
  const leaver = connectBroker(options(relay.url, { clientId, filter, receiveMaximum: 10 }), work);
  await subscribed(t, leaver);
  const client = await publisher(t, plain.url);
  await publishAll(client, topic, 200);
  const left = leaver.leave();
  const before = handled.length;
  await eventually('draining', () => handled.length > before + 20);
  relay.cut();
  await eventually('cut', () => !leaver.state.connected);
  await publishAll(client, `${topic}/late`, 10);
  await left;
  assert.equal(new Set(handled).size, 200);
  assert.equal(handled.filter((name) => name.includes('late')).length, 0);
});

test('close ends a leave that waits for work without an end', async (t) => {
  const { clientId, filter, topic } = names();
  const deliveries: Delivery[] = [];
  const connection = connectBroker(options(plain.url, { clientId, filter }), (d) => deliveries.push(d));
  await subscribed(t, connection);
  await publishAll(await publisher(t, plain.url), topic, 1);
  await eventually('a delivery', () => deliveries.length === 1);
  const left = connection.leave();
  await eventually('leaving', () => connection.state.cause === 'leaving');
  await connection.close();
  await left;
  await assert.rejects(connection.publish({ topic: 'out', payload: Buffer.alloc(0), qos: 1 }), {
    name: 'ConnectionClosed',
  });
});

test('a broker restarted with persistence is subscribed to again, and sends the messages published meanwhile', async (t) => {
  const broker = await startBroker('autosave_interval 1');
  t.after(() => broker.stop());
  const [deliveries, causes]: [Delivery[], (string | undefined)[]] = [[], []];
  const connection = connectBroker(options(broker.url), (d) => deliveries.push(d));
  connection.onState(({ cause }) => causes.push(cause));
  await subscribed(t, connection);
  await publishAll(await publisher(t, broker.url), 'in/before', 2);
  await eventually('2 deliveries', () => deliveries.length === 2);

  await broker.kill('SIGTERM'); // it saves its database
  await eventually('gone', () => causes.includes('connection refused'));
  const [one, two] = [1, 2].map((qos) =>
    connection.publish({ topic: 'out', payload: Buffer.from('meanwhile'), qos: qos as 1 | 2 }),
  );
  await broker.restart();
  await Promise.all([one, two]);
  await eventually('back', () => connection.state.subscribed);
  for (const delivery of deliveries) delivery.acknowledge();
  await eventually('confirmed', () => connection.inFlight === 0);
  await publishAll(await publisher(t, broker.url), 'in/after', 2);
  await eventually('2 more deliveries', () => deliveries.length === 4);
});

test('a delivery has its properties and the retain flag of its sender, and QoS 0 messages are delivered too', async (t) => {
  const { clientId, filter, topic } = names();
  const deliveries: Delivery[] = [];
  const connection = connectBroker(options(plain.url, { clientId, filter }), (d) => deliveries.push(d));
  await subscribed(t, connection);
  const client = await publisher(t, plain.url);
  const properties = {
    responseTopic: 'actions/1/api/c1',
    correlationData: Buffer.from([1, 2]),
    userProperties: { traceparent: ['1', '2'], other: 'not kept' },
  };
  await client.publishAsync(topic, '', { qos: 0 });
  await client.publishAsync(topic, 'text', { qos: 2, retain: true, properties });
  await eventually('2 deliveries', () => deliveries.length === 2);
  const [bare, full] = deliveries as [Delivery, Delivery];
  assert.deepEqual(
    [bare.payload.length, bare.retained, bare.redelivered, bare.correlationData, bare.userProperties],
    [0, false, false, undefined, undefined],
  );
  assert.deepEqual(
    [full.payload.toString(), full.retained, full.responseTopic, full.correlationData],
    ['text', true, properties.responseTopic, properties.correlationData],
  );
  assert.deepEqual({ ...full.userProperties }, { traceparent: ['1', '2'] });
  assert.equal(full.broker, connection);
  for (const delivery of [bare, full, full]) delivery.acknowledge();
  await eventually('nothing in flight', () => connection.inFlight === 0);
  await client.publishAsync(topic, '', { qos: 1, retain: true });
});
