/** A worker that is killed, and whose MQTT_URL names the same broker otherwise: a survivor says that it does not take over. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eventually, startHarness } from '../../harness/harness.ts';
import { profilectl } from '../../harness/profilectl.ts';

const harness = await startHarness({ redis: {} });
after(() => harness.stop());

const said = () =>
  harness.worker
    .log()
    .filter(({ msg }) => String(msg).startsWith('a lost worker names the broker otherwise'));

const doctor = async () => {
  const settings = { MQTT_URL: harness.broker.url, REDIS_URL: harness.redis.url };
  const { stdout } = await profilectl(settings, 'doctor', '--json');
  return (JSON.parse(stdout) as { check: string; saw: string }[]).find(({ check }) => check === 'workers')
    ?.saw;
};

test('it is named in the log once, and by doctor while it runs', async () => {
  assert.equal(await doctor(), undefined);
  const alias = harness.broker.url.replace('127.0.0.1', 'localhost');
  for (let count = 0; count < 2; count++) {
    const other = await harness.startWorker({ MQTT_URL: alias, MQTT_CLIENT_ID: 'profile-elsewhere' });
    if (count === 0) assert.match((await doctor()) ?? '', /^1 of this share group .* localhost:\d+$/);
    await other.process.kill('SIGKILL');
    harness.workers.pop();
    await eventually('the survivor says it', () => said().length > 0);
  }
  assert.deepEqual(
    said().map(({ worker }) => worker),
    ['profile-elsewhere'],
  );
});

test('a killed worker that names it alike is taken over', async () => {
  const before = said().length;
  const other = await harness.startWorker({ MQTT_CLIENT_ID: 'profile-alike' });
  await other.process.kill('SIGKILL');
  harness.workers.pop();
  await harness.worker.tookOver();
  assert.equal(said().length, before);
});
