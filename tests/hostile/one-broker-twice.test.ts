/** One broker under two names in MQTT_URL: the worker says so, and serves by the first name. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eventually, startHarness } from '../harness/harness.ts';
import { get, set } from '../harness/poison-harness.ts';
import { fieldsOf } from '../harness/terms.ts';
import { startWorker } from '../harness/worker.ts';

const harness = await startHarness({ workers: 0 });
after(() => harness.stop());

const words = 'it is broker 1 under another name: name it once in MQTT_URL';

test('the second name is given up, and named in /readyz and once in the log; requests are answered', async () => {
  const alias = harness.broker.url.replace('127.0.0.1', 'localhost');
  const urls = `${harness.broker.url},${alias}`;
  const settings = { MQTT_URL: urls, MQTT_CLIENT_ID: 'profile-1', REDIS_URL: harness.redis.url };
  // It may never be ready: each connection ends the other.
  const worker = await startWorker(settings, { ready: /it is broker 1 under another name/ });
  harness.onStop(() => worker.process.stop());
  await eventually('/readyz says it', async () => {
    const { body } = await worker.page('/readyz');
    return body.trim() === `broker 2: ${words}`;
  });
  const said = () => worker.log().filter(({ msg }) => msg === `not subscribed: ${words}`);
  assert.equal(said().length, 1);
  const lines = worker.log().length;
  const phone = await harness.phone();
  await set(phone);
  for (let count = 0; count < 20; count++) fieldsOf(await phone.ask(get(phone)));
  const troubles = worker
    .log()
    .slice(lines)
    .filter(({ level }) => Number(level) >= 40);
  assert.deepEqual(troubles, []);
});
