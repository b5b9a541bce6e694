/** The broker plugin: a client whose id cannot be a topic level cannot publish a request. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import { connectClient, watch } from '../../harness/mqtt-clients.ts';

const FIELD = 'events/1//api/anon//';
const NOT_AUTHORIZED = 135;

const broker = await startMosquitto({ persistence: false });
after(() => broker.stop());

for (const clientId of ['a/b', '/', 'a+', '+', '#', 'victim/', 'x'.repeat(65_530)]) {
  const shown = clientId.length > 20 ? `of ${clientId.length} bytes` : `“${clientId}”`;

  test(`a client with the id ${shown} is refused with a reason over MQTT 5, and its requests reach nobody`, async (t) => {
    const watcher = await watch(t, broker.url);
    const client = await connectClient(t, broker.url, { clientId });
    await client.publishAsync(FIELD, 'p', { qos: 0 });
    for (const qos of [1, 2] as const) {
      await assert.rejects(client.publishAsync(FIELD, 'p', { qos }), { code: NOT_AUTHORIZED });
    }
    await assert.rejects(client.publishAsync('events/1//api/anon/victim/', 'p', { qos: 1 }), {
      code: NOT_AUTHORIZED,
    });
    assert.deepEqual(await watcher.after(client), []);
    await client.publishAsync('events/1//api/anon', 'no request', { qos: 1 });
    assert.equal((await watcher.after(client)).length, 1, 'other topics stay open to it');
  });

  test(`a client with the id ${shown} stays connected over MQTT 3.1.1, and its requests reach nobody`, async (t) => {
    const watcher = await watch(t, broker.url);
    const client = await connectClient(t, broker.url, { clientId, protocolVersion: 4 });
    for (const qos of [0, 1, 2] as const) await client.publishAsync(FIELD, 'p', { qos });
    assert.deepEqual(await watcher.after(client), []);
  });
}

test('the longest client id that fits is inserted, one byte more is refused', async (t) => {
  const longest = 65_535 - FIELD.length;
  const watcher = await watch(t, broker.url);
  const fits = await connectClient(t, broker.url, { clientId: 'f'.repeat(longest) });
  await fits.publishAsync(FIELD, 'p', { qos: 1 });
  assert.equal((await watcher.after(fits))[0]?.topic.length, 65_535);
  const tooLong = await connectClient(t, broker.url, { clientId: 'f'.repeat(longest + 1) });
  await assert.rejects(tooLong.publishAsync(FIELD, 'p', { qos: 1 }), { code: NOT_AUTHORIZED });
});

test('refusals are logged once in ten seconds, without control or non-ASCII characters of the id', async (t) => {
  const own = await startMosquitto({ persistence: false, extraConfig: 'connection_messages false' });
  t.after(() => own.stop());
  const client = await connectClient(t, own.url, { clientId: `д/я${'y'.repeat(200)}`, protocolVersion: 4 });
  for (let request = 0; request < 100; request++) await client.publishAsync(FIELD, 'p', { qos: 1 });
  const lines = own
    .log()
    .split('\n')
    .filter((line) => line.includes('refused'));
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /request of client "\?\?\/\?\?y{59}" refused: its client id holds/);
});
