/** TAKEOVER_LINGER_MS: a broker that resends one message now and then, as NanoMQ, loses none when its session is ended. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectBroker, type Delivery } from '../../../src/mqtt/connection.ts';
import {
  names,
  options,
  plainBroker,
  publishAll,
  publisher,
  subscribed,
  topicsOf,
} from '../../harness/broker-connections.ts';
import { eventually } from '../../harness/eventually.ts';
import { mqttType, PUBLISH } from '../../harness/framing.ts';
import { Relay } from '../../harness/relay.ts';

const plain = await plainBroker();
const count = 3;

/** A dead connection left messages unacknowledged. @returns its client id and filter, and a relay that resends none by itself. */
async function leftBehind(t: Parameters<typeof subscribed>[0]) {
  const { clientId, filter, topic } = names();
  const relay = await Relay.start(plain);
  t.after(() => relay.stop());
  const received: Delivery[] = [];
  const dead = connectBroker(options(plain.url, { clientId, filter }), (delivery) => received.push(delivery));
  await subscribed(t, dead);
  await publishAll(await publisher(t, plain.url), topic, count);
  await eventually('all are there', () => received.length === count);
  await dead.close();
  relay.putsOff = (packet) => mqttType(packet) === PUBLISH;
  return { relay, at: options(relay.url, { clientId, filter }), topics: topicsOf(received) };
}

test('a connection that lingers handles what comes late, one message after the other', async (t) => {
  const { relay, at, topics } = await leftBehind(t);
  const handled: Delivery[] = [];
  const successor = connectBroker(at, (delivery) => {
    handled.push(delivery);
    delivery.acknowledge();
  });
  t.after(() => successor.close());
  const left = successor.leave(3_000);
  for (let number = 1; number <= count; number++) {
    await eventually('a message waits', () => relay.sendLate());
    await eventually('it is handled', () => handled.length === number);
  }
  await left;
  assert.deepEqual(topicsOf(handled), topics);
  assert.deepEqual(successor.state, { connected: false, subscribed: false, cause: 'closed' });
});

test('without it the session ends as soon as the broker has nothing more on its way', async (t) => {
  const { relay, at } = await leftBehind(t);
  const successor = connectBroker(at, () => assert.fail('no message has been let through'));
  await successor.leave();
  assert.ok(relay.sendLate(), 'the broker had sent it before');
});

test('close ends a connection that lingers', async (t) => {
  const { clientId, filter } = names();
  const connection = await subscribed(
    t,
    connectBroker(options(plain.url, { clientId, filter }), () => undefined),
  );
  const left = connection.leave(600_000);
  await eventually('leaving', () => connection.state.cause === 'leaving');
  await connection.close();
  await left;
});
