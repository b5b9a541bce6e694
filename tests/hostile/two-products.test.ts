/** Two products share one Redis without a prefix: neither takes over the other's dead workers, and no request is lost. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startMosquitto } from '../../dev/servers/mosquitto.ts';
import { eventually, startHarness, type WorkerUnderTest } from '../harness/harness.ts';
import { profile } from '../harness/terms.ts';

const heartbeatMs = 200;
const silentMs = 1000;
const settings = { HEARTBEAT_MS: `${heartbeatMs}`, HEIR_AFTER_MS: `${silentMs}` };
const one = await startHarness({ settings, workers: 0 });
after(() => one.stop());

const adopted = (worker: WorkerUnderTest) => worker.metric('profile_adopted_sessions_total');
const silence = (worker: string) =>
  one.database.zscore(`workers:profile@127.0.0.1:${one.broker.port}`, worker);

test('workers of other brokers, or of another share group, leave a dead worker to its own', async () => {
  const otherBroker = await startMosquitto({ persistence: false });
  one.onStop(() => otherBroker.stop());
  const others = [
    await one.startWorker({ MQTT_CLIENT_ID: 'profile-elsewhere', MQTT_URL: otherBroker.url }),
    await one.startWorker({ MQTT_CLIENT_ID: 'profile-group', MQTT_SHARE_GROUP: 'another' }),
  ];
  const victim = await one.startWorker({ MQTT_CLIENT_ID: 'profile-victim' });
  await eventually('it has sent a heartbeat', async () => (await silence('profile-victim')) !== null);
  const phone = await one.phone({ mqtt: { protocolVersion: 5 } });
  await victim.process.kill('SIGKILL');
  await phone.send(profile({ phone: phone.number, status: 'get' }), { qos: 1 });

  await eventually('it counts as dead', async () => {
    const [seconds = 0] = await one.database.time();
    return Number(seconds) * 1000 - Number(await silence('profile-victim')) > silentMs + heartbeatMs;
  });
  // A dead worker of their own shows that they have looked since.
  const mark = 'profile-mark';
  for (const fleet of [`profile@127.0.0.1:${otherBroker.port}`, `another@127.0.0.1:${one.broker.port}`])
    await one.database.zadd(`workers:${fleet}`, 1, mark);
  await eventually('the others take over what is theirs', async () =>
    (await Promise.all(others.map(adopted))).every((count) => count === 1),
  );
  assert.deepEqual(await Promise.all(others.map(adopted)), [1, 1]);
  assert.notEqual(await silence('profile-victim'), null);

  const survivor = await one.startWorker({ MQTT_CLIENT_ID: 'profile-survivor' });
  await eventually('its own survivor takes over', async () => (await adopted(survivor)) === 1);
  // The other group answers too.
  for (let answers = 0; answers < 2; answers++) await phone.take();
  await eventually('it is forgotten', async () => (await silence('profile-victim')) === null);
  assert.deepEqual(await Promise.all(others.map(adopted)), [1, 1]);
  assert.equal(await one.database.zscore('workers', 'profile-victim'), null);
});

test('a worker of the version before finds a dead one of this version where it looks', async () => {
  await eventually(
    'it beats there too',
    async () => (await one.database.zscore('workers', 'profile-survivor')) !== null,
  );
});
