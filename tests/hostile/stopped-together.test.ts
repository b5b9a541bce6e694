/** Workers that are stopped in good order, all at once: what the broker acknowledges meanwhile waits for the next. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openWorkerRegistry } from '../../src/failover/worker-registry.ts';
import { openRedis } from '../../src/store/redis/database.ts';
import { eventually, type Harness, startHarness } from '../harness/harness.ts';
import { profile } from '../harness/terms.ts';
import type { WorkerSettings } from '../harness/worker.ts';

const fleet = 'profile@one:1883,two:1883';

async function start(t: TestContext, workers: number): Promise<Harness> {
  const harness = await startHarness({ workers, settings: { HEARTBEAT_MS: '200' } });
  t.after(() => harness.stop());
  return harness;
}

/** Requests are acknowledged before, while and after all workers stop; then others with new names start. */
async function replaceAll(harness: Harness, count: number, settings: WorkerSettings = {}): Promise<void> {
  const phone = await harness.phone({ mqtt: { protocolVersion: 5 } });
  const old = [...harness.workers];
  let stopped: Promise<unknown> | undefined;
  for (let sent = 0; sent < count; sent++) {
    if (sent === count / 3) stopped = Promise.all(old.map((worker) => worker.process.kill('SIGTERM')));
    if (sent === (2 * count) / 3) await stopped;
    const properties = { correlationData: Buffer.from(`${sent}`) };
    await phone.send(profile({ phone: phone.number, status: 'get' }), { qos: 1, properties });
    await sleep(1);
  }
  for (const [index] of old.entries())
    await harness.startWorker({ ...settings, MQTT_CLIENT_ID: `profile-new-${index}` });
  const answered = () => new Set(phone.answers.map(({ properties }) => `${properties?.correlationData}`));
  await eventually(`all ${count} are answered`, () => answered().size === count);
}

test('three workers are stopped at once under load, and others start: every acknowledged request is answered', async (t) => {
  const harness = await start(t, 3);
  await replaceAll(harness, 450);
  await eventually('only the new ones are known', async () => {
    const known = await harness.database.zrange('workers', '0', '-1');
    return known.sort().join() === 'profile-new-0,profile-new-1,profile-new-2';
  });
});

test('the only worker is stopped, and another one starts: every acknowledged request is answered', async (t) => {
  await replaceAll(await start(t, 1), 150);
});

test('the only worker is stopped, and another one reaches the broker at another address: every acknowledged request is answered', async (t) => {
  const harness = await start(t, 1);
  const { url } = await harness.relay();
  await replaceAll(harness, 150, { MQTT_URL: url });
});

test('of workers that leave a broker at once exactly one is the last, in any order', async (t) => {
  const harness = await start(t, 0);
  const redis = openRedis(harness.redis.url, '', () => undefined);
  t.after(() => redis.close());
  for (let round = 0; round < 50; round++) {
    const registries = ['a', 'b', 'c'].map((name) => openWorkerRegistry(redis, `${name}${round}`, fleet));
    const brokers = ['one:1883', 'two:1883'].map((address) => ({ address, subscribed: true }));
    await Promise.all(registries.map((registry) => registry.heartbeat(brokers)));
    for (const { address } of brokers) {
      const answers = await Promise.all(registries.map((registry) => registry.isLastAt(address, 60_000)));
      assert.deepEqual(answers.sort(), [false, false, true]);
    }
  }
});

test('a worker that is not subscribed yet, and one that is silent, does not keep the last one from staying', async (t) => {
  const harness = await start(t, 0);
  const redis = openRedis(harness.redis.url, '', () => undefined);
  t.after(() => redis.close());
  const [own, starting] = ['own', 'starting'].map((name) => openWorkerRegistry(redis, name, fleet));
  await own?.heartbeat([{ address: 'one:1883', subscribed: true }]);
  await starting?.heartbeat([{ address: 'one:1883', subscribed: false }]);
  await redis.connection.zadd(redis.keys.subscriptions(fleet), 1, 'one:1883/silent');
  await redis.connection.zadd(redis.keys.subscriptions(fleet), Date.now(), 'two:1883/elsewhere');
  assert.equal(await own?.isLastAt('one:1883', 6_000), true);
});
