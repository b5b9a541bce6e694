/** A broker that says it has no shared subscriptions: the worker is not ready, with that cause, until the broker has them. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { mqttType } from '../harness/framing.ts';
import { eventually, startHarness } from '../harness/harness.ts';
import { profile } from '../harness/terms.ts';
import { startWorker } from '../harness/worker.ts';

const CONNACK = 2;
const SUBSCRIBE = 8;
/** Maximum Packet Size, and in its place Shared Subscription Available 0 and Server Keep Alive 30 s (MQTT 5.0, 3.2.2.3). */
const MAXIMUM_PACKET_SIZE = 0x27;
const NO_SHARED_SUBSCRIPTIONS = Buffer.of(0x2a, 0, 0x13, 0, 30);

const harness = await startHarness({ workers: 0 });
after(() => harness.stop());

/** What the broker's CONNACK says, while `isPlain`. */
let isPlain = true;
let subscriptions = 0;
let connacks = 0;
const relay = await harness.relay({
  inspector: () => (packet, direction) => {
    if (direction === 'up' && mqttType(packet) === SUBSCRIBE && packet.includes('$share/')) subscriptions++;
    if (direction === 'down' && mqttType(packet) === CONNACK) {
      connacks++;
      if (isPlain) denySharedSubscriptions(packet);
    }
    return true;
  },
});

/** Mosquitto writes at most one property before: Topic Alias Maximum. */
function denySharedSubscriptions(connack: Buffer): void {
  const at = connack.indexOf(MAXIMUM_PACKET_SIZE, 5);
  assert.ok(at > 0, 'CONNACK has a Maximum Packet Size');
  NO_SHARED_SUBSCRIPTIONS.copy(connack, at);
}

const cause = 'broker 1: the broker has no shared subscriptions';

test('it is not ready, says why once, asks for no subscription, and comes back by itself', async () => {
  const settings = { MQTT_URL: relay.url, MQTT_CLIENT_ID: 'profile-deaf', REDIS_URL: harness.redis.url };
  const worker = await startWorker(settings, { ready: /no shared subscriptions/ });
  harness.onStop(() => worker.process.stop());
  const warned = () =>
    worker.log().filter(({ msg, troubles }) => msg === 'not ready' && `${troubles}`.includes(cause));
  await eventually('it says why', () => warned().length > 0);
  const { status, body } = await worker.page('/readyz');
  assert.equal(status, 503);
  assert.match(body, new RegExp(cause));
  assert.equal(await worker.metric('profile_ready'), 0);
  assert.equal(await worker.metric('profile_brokers_without_shared_subscriptions'), 1);

  const connections = connacks;
  relay.cut();
  await eventually('it has connected again', () => connacks > connections);
  await worker.page('/readyz');
  assert.deepEqual([subscriptions, warned().length], [0, 1]);

  isPlain = false;
  relay.cut();
  await eventually('it is ready', async () => (await worker.page('/readyz')).status === 200);
  assert.equal(await worker.metric('profile_brokers_without_shared_subscriptions'), 0);
  const phone = await harness.phone();
  assert.ok(await phone.ask(profile({ phone: phone.number, status: 'get' })));
});
