import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askWorkers, readNumbers } from '../../../../dev/page/metrics.ts';
import { openMetrics } from '../../../../src/telemetry/metrics.ts';

test('the numbers of a worker are read from its own metrics', async () => {
  const metrics = openMetrics();
  metrics.read({
    isReady: () => true,
    inFlightLimit: 256,
    brokers: [{ state: {}, inFlight: 7, unacked: { count: 0, ackPending: 0, oldestSeconds: 0 } }],
    redisCalls: { answered: 0, repeated: 0, refused: 0 },
  });
  metrics.answered('get', 'ok', 0.002);
  metrics.answered('get', 'not_found', 0.002);
  metrics.answered('link', 'email_sent', 20);
  const numbers = readNumbers(await metrics.text());
  assert.equal(numbers.requests, 3);
  assert.equal(numbers.inFlight, 7);
  const counts = new Map(numbers.durations.map(({ atMostSeconds, count }) => [atMostSeconds, count]));
  assert.equal(counts.get(0.001), 0);
  assert.equal(counts.get(0.0025), 2);
  assert.equal(counts.get(10), 2);
  assert.deepEqual(numbers.durations.at(-1), { atMostSeconds: 3600, count: 3 });
});

test('a worker that does not answer is listed without numbers', async () => {
  assert.deepEqual(await askWorkers([{ name: 'worker-1', url: 'http://127.0.0.1:9' }]), [
    { name: 'worker-1' },
  ]);
});
