/** What one client sends at once waits for itself: others are answered before most of it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decode } from '../../src/etf/index.ts';
import { eventually, startHarness } from '../harness/harness.ts';
import { profile, refusal } from '../harness/terms.ts';

const burst = 200;

// A small window makes a queue. The broker sends its own two by two, so the worker sees the last when it has done half.
const harness = await startHarness({ workers: 1, settings: { MQTT_RECEIVE_MAXIMUM: '2' } });
after(() => harness.stop());

test(`a request behind ${burst} of another client is answered before most of them, and those in their order`, async () => {
  const [greedy, other] = [await harness.phone(), await harness.phone()];
  const [worker] = harness.workers;
  const pid = worker?.process.pid ?? assert.fail();
  process.kill(pid, 'SIGSTOP');
  try {
    for (let count = 0; count < burst; count++) {
      const properties = { correlationData: Buffer.from(`${count}`) };
      await greedy.send(profile({ phone: greedy.number, status: 'get' }), { qos: 1, properties });
    }
    await other.send(profile({ phone: other.number, status: 'get' }), { qos: 1 });
  } finally {
    process.kill(pid, 'SIGCONT');
  }
  assert.deepEqual(decode((await other.take()).payload), refusal('not_found'));
  const before = greedy.answers.length;
  assert.ok(before < burst * 0.75, `${before} of ${burst} were answered before`);
  await eventually('all are answered', () => greedy.answers.length === burst);
  const order = greedy.answers.map(({ properties }) => Number(`${properties?.correlationData}`));
  assert.deepEqual(
    order,
    Array.from({ length: burst }, (_, index) => index),
  );
});
