/**
 * Requests whose answer the broker refuses, or for which it ends the connection. Other clients are answered
 * throughout, with the real broker and the real program.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../src/etf/index.ts';
import { eventually } from '../harness/eventually.ts';
import { mqttType, PUBLISH } from '../harness/framing.ts';
import {
  brokerLost,
  get,
  harnessOf,
  internal,
  marker,
  poisoned,
  refusedAnswers,
  relayTo,
  set,
} from '../harness/poison-harness.ts';
import type { Relay } from '../harness/relay.ts';
import { feature, fieldsOf, profile } from '../harness/terms.ts';

test('requests with a Response Topic of more than 200 levels are answered, and no worker loses its connection', async (t) => {
  const harness = await harnessOf(t, { workers: 2 });
  const [attacker, other] = [await harness.phone(), await harness.phone()];
  await Promise.all([set(attacker), set(other)]);
  const responseTopic = `actions/1/api/${attacker.client}${'/x'.repeat(210)}`;
  for (let count = 0; count < 8; count++)
    await attacker.send(get(attacker), { properties: { responseTopic } });
  for (let count = 0; count < 20; count++) fieldsOf(await other.ask(get(other)));
  await eventually('all are answered', () => attacker.answers.length === 8);
  assert.ok(attacker.answers.every(({ topic }) => topic === `actions/1/api/${attacker.client}`));
  await harness.idle();
  assert.deepEqual([await harness.metric(brokerLost), await harness.metric(refusedAnswers)], [0, 0]);
});

test('a Response Topic with characters for which the broker ends the connection is ignored', async (t) => {
  // Without the broker's own check of incoming topics, like other brokers.
  const harness = await harnessOf(t, {});
  const phone = await harness.phone();
  await set(phone);
  const relay = await harness.relay({
    inspector: () => (packet, direction) => {
      // "~" stands for a control character; Mosquitto lets no client send one.
      if (direction === 'down' && mqttType(packet) === PUBLISH)
        packet.fill(1, at(packet, '~'), Math.min(at(packet, '~') + 1, packet.length));
      return true;
    },
  });
  await harness.worker.process.kill('SIGTERM');
  await harness.startWorker({ MQTT_URL: relay.url, MQTT_CLIENT_ID: 'relayed' });
  const responseTopic = `actions/1/api/${phone.client}/~`;
  const { topic } = await phone.exchange(get(phone), { properties: { responseTopic } });
  assert.equal(topic, `actions/1/api/${phone.client}`);
  assert.equal(await harness.workers[1]?.metric(brokerLost), 0);
  harness.workers.shift();
});

const at = (packet: Buffer, text: string): number => {
  const index = packet.indexOf(text);
  return index < 0 ? packet.length : index;
};

test('an answer above the Maximum Packet Size of the broker is replaced by a small one', async (t) => {
  const harness = await harnessOf(t, { broker: { extraConfig: 'max_packet_size 2000' } });
  const phone = await harness.phone();
  for (let count = 0; count < 3; count++) {
    const settings = [feature(`KEY_${count}`, 'x'.repeat(900))];
    await phone.ask(profile({ phone: phone.number, settings, status: 'set' }));
  }
  const correlationData = Buffer.from('this one');
  const responseTopic = `actions/1/api/${phone.client}/mine`;
  const { topic, payload, properties } = await phone.exchange(get(phone), {
    properties: { correlationData, responseTopic },
  });
  assert.deepEqual([topic, properties?.correlationData], [responseTopic, correlationData]);
  assert.ok(payload.equals(internal));
  await harness.idle();
  assert.equal(await harness.metric(brokerLost), 0);
});

test('an answer above the message size limit of Mosquitto is replaced, and no connection is lost', async (t) => {
  // Mosquitto refuses it by a PUBACK with a reason that MQTT 5 does not have there.
  const harness = await harnessOf(t, { broker: { extraConfig: 'message_size_limit 500' } });
  const phone = await harness.phone();
  for (const key of ['KEY_1', 'KEY_2'])
    await phone.ask(
      profile({ phone: phone.number, settings: [feature(key, 'x'.repeat(300))], status: 'set' }),
    );
  const { payload } = await phone.exchange(get(phone));
  assert.ok(payload.equals(internal));
  const refused = await harness.metric(refusedAnswers);
  assert.ok(refused > 0);
  assert.equal(await harness.metric(brokerLost), 0);
  const words = harness.worker.log().filter(({ msg }) => msg === 'a broker refused a publish');
  assert.deepEqual(
    words.map(({ err }) => (err as { message: string }).message),
    ['publish refused: packet too large'],
  );
});

for (const [how, strike, losses] of [
  // The worker cannot see it: the relay makes a control character of it, and Mosquitto answers "malformed packet".
  ['the broker blames', (packet: Buffer) => void packet.write('\x01', packet.indexOf(marker)), 2],
  ['the connection is closed', (_: Buffer, relay: Relay) => relay.cut(), 4],
] as const) {
  test(`a publication at which ${how} is found and dropped, and no other`, async (t) => {
    const harness = await harnessOf(t, { workers: 0 });
    const relay: Relay = await relayTo(harness, (packet) => {
      if (!packet.includes(`/${marker}`)) return true;
      strike(packet, relay);
      return how === 'the broker blames';
    });
    await harness.startWorker({ MQTT_URL: relay.url });
    const [attacker, ...others] = await Promise.all(Array.from({ length: 5 }, () => harness.phone()));
    assert.ok(attacker);
    await Promise.all([attacker, ...others].map((phone) => set(phone)));
    const responseTopic = `actions/1/api/${attacker.client}/${marker}`;
    const correlationData = Buffer.from('c');
    const [answer] = await Promise.all([
      attacker.exchange(get(attacker), { properties: { responseTopic, correlationData } }),
      ...others.map(async (phone) => {
        for (let count = 0; count < 20; count++) {
          await phone.send(get(phone)); // an answer may come twice
          fieldsOf(decode((await phone.take()).payload));
        }
      }),
    ]);
    assert.ok(answer.payload.equals(internal));
    assert.deepEqual(answer.properties?.correlationData, correlationData);
    await harness.idle();
    assert.equal(await harness.metric(refusedAnswers), 1);
    const lost = await harness.metric(brokerLost);
    assert.ok(lost >= losses - 1 && lost <= losses, `${lost} connections`);
    assert.equal(await harness.metric(poisoned), 0);
  });
}
