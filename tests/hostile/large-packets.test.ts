/** A packet with far more in it than a request needs never reaches a worker; one that is a little too large is answered. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { atom, decode, encode } from '../../src/etf/index.ts';
import { type Harness, startHarness } from '../harness/harness.ts';
import { fieldsOf, profile, refusal } from '../harness/terms.ts';

let harness: Harness;
before(async () => {
  harness = await startHarness({ workers: 1 });
});
after(() => harness.stop());

const topic = 'events/1//api/anon//';

/** So many bytes of user properties, each as small as it can be. */
function userProperties(bytes: number): Record<string, string> {
  const names = Array.from({ length: Math.floor(bytes / 9) }, (_, index) =>
    index.toString(36).padStart(4, '0'),
  );
  return Object.fromEntries(names.map((name) => [name, '']));
}

test('the broker drops a request with megabytes of user properties; the worker takes the next one', async () => {
  const phone = await harness.phone();
  const asked = encode(profile({ phone: phone.number, status: 'set' }));
  const properties = { userProperties: userProperties(3_000_000) };
  await phone.mqtt.publishAsync(topic, asked, { qos: 1, properties });
  // The broker keeps the order, so an answer to the first would come before this one.
  assert.deepEqual(await phone.ask(profile({ phone: phone.number, status: 'get' })), refusal('not_found'));
  await harness.idle();
  assert.equal(await harness.database.exists(`profile:{${phone.number}}`), 0);
});

test('a payload that is a little too large is answered, and so is a request with many properties', async () => {
  const phone = await harness.phone();
  await phone.mqtt.publishAsync(topic, Buffer.alloc(400_000, 131), { qos: 1 });
  assert.deepEqual(decode((await phone.take()).payload), refusal('invalid_data'));
  const properties = {
    correlationData: Buffer.alloc(60_000, 1),
    userProperties: { ...userProperties(100_000), traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01` },
  };
  const asked = encode(profile({ phone: phone.number, status: 'set' }));
  await phone.mqtt.publishAsync(topic, asked, { qos: 1, properties });
  const answer = await phone.take();
  assert.deepEqual(fieldsOf(decode(answer.payload)).status, atom('set'));
});
