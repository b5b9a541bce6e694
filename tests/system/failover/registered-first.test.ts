/** src/failover/worker-registry.ts: a worker is known to the others before the broker gives it requests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectAsync } from 'mqtt';
import { startHarness } from '../../harness/harness.ts';

/** A worker that does not wait for its registration subscribes within this time, as a rule. */
const subscribedWithinMs = 500;

test('a worker that reaches Redis later than its broker subscribes once it is registered', async (t) => {
  const harness = await startHarness({ redis: {}, workers: 0 });
  t.after(() => harness.stop());
  const observer = await connectAsync(harness.broker.url);
  t.after(() => observer.endAsync(true));
  const registeredAt = new Promise<string | null>((resolve) => {
    observer.once('message', () => resolve(harness.database.zscore('workers', 'late')));
  });
  await observer.subscribeAsync('workers/profile/late');

  const redis = await harness.relay({}, harness.redis);
  redis.isOpen = false;
  const starting = harness.startWorker({ REDIS_URL: redis.url, MQTT_CLIENT_ID: 'late' });
  while (redis.waiting < 2) await sleep(10);
  await sleep(subscribedWithinMs);
  redis.isOpen = true;
  redis.admit();
  await starting;

  assert.notEqual(await registeredAt, null, 'it is registered when it says that it is subscribed');
});
