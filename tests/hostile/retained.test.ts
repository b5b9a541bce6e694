/** Nothing is ever retained below `events/`: it would stay in the broker's memory and on its disk for ever. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startMosquitto } from '../../dev/servers/mosquitto.ts';
import { brokerMemory, mebibyte } from '../harness/broker-memory.ts';
import { connectClient, watch } from '../harness/mqtt-clients.ts';

const broker = await startMosquitto({ persistence: false });
after(() => broker.stop());

const NOT_AUTHORIZED = 135;

test('300 retained requests of a megabyte leave the broker where it was', async (t) => {
  const phone = await connectClient(t, broker.url, { clientId: 'hoarder' });
  const calm = brokerMemory(broker);
  for (let node = 0; node < 300; node++) {
    const publishing = phone.publishAsync(`events/1/${node}/api/anon//`, Buffer.alloc(mebibyte), {
      qos: 1,
      retain: true,
    });
    await assert.rejects(publishing, { code: NOT_AUTHORIZED });
  }
  assert.ok(brokerMemory(broker) < calm + 64 * mebibyte, `${brokerMemory(broker)} bytes`);
  const late = await watch(t, broker.url, 'events/#');
  assert.deepEqual(await late.after(phone), []);
});

const topics = ['events/1//api/anon//', 'events/1//api/anon/', 'events/2/x', 'events/'];

for (const protocolVersion of [4, 5] as const) {
  for (const qos of [0, 1, 2] as const) {
    test(`MQTT ${protocolVersion}, QoS ${qos}: no topic below events/ takes a retained publish, also an empty one`, async (t) => {
      const phone = await connectClient(t, broker.url, {
        clientId: `keeper-${protocolVersion}-${qos}`,
        protocolVersion,
      });
      const watcher = await watch(t, broker.url, 'events/#');
      for (const topic of topics) {
        for (const payload of ['kept', ''])
          await phone.publishAsync(topic, payload, { qos, retain: true }).catch(() => undefined);
      }
      const late = await watch(t, broker.url, 'events/#');
      assert.deepEqual([...(await watcher.after(phone)), ...(await late.after(phone))], []);
    });
  }
}

test('a retained will below events/ is not sent', async (t) => {
  const watcher = await watch(t, broker.url, 'events/#');
  for (const [index, retain] of [true, false].entries()) {
    const will = {
      topic: 'events/1//api/anon//',
      payload: Buffer.from(`${retain}`),
      qos: 1 as const,
      retain,
    };
    const mortal = await connectClient(t, broker.url, { clientId: `mortal-${index}`, will });
    mortal.stream.destroy();
    await mortal.endAsync(true);
  }
  await watcher.message(({ payload }) => `${payload}` === 'false');
  assert.deepEqual(
    watcher.seen.map(({ payload }) => `${payload}`),
    ['false'],
  );
});

test('elsewhere the flag counts as ever', async (t) => {
  const client = await connectClient(t, broker.url, { clientId: 'elsewhere' });
  await client.publishAsync('qa/help', 'kept', { qos: 1, retain: true });
  const late = await watch(t, broker.url, 'qa/#');
  assert.equal(`${(await late.message(({ retain }) => retain)).payload}`, 'kept');
});
