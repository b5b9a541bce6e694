/** Two workers with one MQTT_CLIENT_ID, at a broker that does not say why it ends a connection: each says so in words. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eventually, startHarness, type WorkerUnderTest } from '../harness/harness.ts';
import { profilectl } from '../harness/profilectl.ts';

const harness = await startHarness({ redis: {} });
after(() => harness.stop());

const words = 'another worker has the same MQTT_CLIENT_ID';
const said = (worker: WorkerUnderTest) => worker.log().filter(({ msg }) => String(msg).startsWith(words));
const readyz = async (worker: WorkerUnderTest) => (await worker.page('/readyz')).body;
const conflicts = (worker: WorkerUnderTest) => worker.metric('profile_client_id_conflicts_total');
const doctor = async () => {
  const settings = {
    MQTT_URL: harness.broker.url,
    REDIS_URL: harness.redis.url,
    MQTT_CLIENT_ID: 'profile-1',
  };
  const { stdout } = await profilectl(settings, 'doctor', '--json');
  return (JSON.parse(stdout) as { check: string; saw: string }[]).find(({ check }) => check === 'client id');
};

test('a worker that was restarted or killed is none', async () => {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    await harness.workers.at(-1)?.process.kill(signal);
    const next = await harness.startWorker({ MQTT_CLIENT_ID: 'profile-1' });
    assert.equal(await conflicts(next), 0);
  }
  assert.deepEqual(harness.workers.flatMap(said), []);
  assert.equal(await doctor(), undefined);
});

test('each of the two says so once in the log, in /readyz and in its metrics; the doctor finds it', async () => {
  await harness.startWorker({ MQTT_CLIENT_ID: 'profile-1' });
  const both = harness.workers.slice(-2);
  for (const worker of both)
    await eventually('/readyz says it', async () => (await readyz(worker)).includes(words));
  await eventually('they have met more than once', async () =>
    (await Promise.all(both.map(conflicts))).every((count) => count > 2),
  );
  for (const worker of both) assert.equal(said(worker).length, 1);
  assert.match((await doctor())?.saw ?? '', /^two workers connect as profile-1: /);
});
