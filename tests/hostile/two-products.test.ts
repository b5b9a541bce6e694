/** Two products share one Redis without a prefix: neither takes over the other's dead workers or its notices, and nothing is lost. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startMosquitto } from '../../dev/servers/mosquitto.ts';
import { eventually, type Phone, startHarness, type WorkerUnderTest } from '../harness/harness.ts';
import { contact, fieldsOf, profile, roster } from '../harness/terms.ts';

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

/** A phone and its friend at the first product's broker, whose workers have stopped since. */
async function friendsOfOne(): Promise<[Phone, Phone]> {
  const worker = await one.startWorker();
  const [phone, friend] = [await one.phone(), await one.phone()];
  for (const [asking, other, id] of [[phone, friend, 1] as const, [friend, phone, 2] as const]) {
    const rosters = [roster({ id, userlist: [contact({ phoneId: `${other.number}_${3 - id}` })] })];
    fieldsOf(await asking.ask(profile({ phone: asking.number, rosters, status: 'set' })));
  }
  for (const each of [worker, ...one.workers]) await each.process.stop();
  return [phone, friend];
}

/** As the script of an update leaves it whose worker was killed before it notified anybody. */
async function leave(phone: Phone, queue: string): Promise<void> {
  await one.database.hset(`profile:{${phone.number}}`, 'news', 'left');
  await one.database.zadd(queue, 1, phone.number);
}

const news = ({ number }: Phone) => one.database.hget(`profile:{${number}}`, 'news');

test('contacts of one product are notified by its own workers, not at the broker of the other', async () => {
  const [phone, friend] = await friendsOfOne();
  const broker = await startMosquitto({ persistence: false });
  one.onStop(() => broker.stop());
  await leave(phone, `fan-outs:profile@127.0.0.1:${one.broker.port}`);
  await one.startWorker({ MQTT_CLIENT_ID: 'profile-other', MQTT_URL: broker.url });
  const theirs = `fan-outs:profile@127.0.0.1:${broker.port}`;
  await one.database.zadd(theirs, 1, friend.number);
  await eventually('the other has looked', async () => (await one.database.zcard(theirs)) === 0);
  assert.equal(await news(phone), 'left');
  await one.startWorker({ MQTT_CLIENT_ID: 'profile-own' });
  await eventually('the friend has heard', () => friend.notices.length > 0);
  await eventually('all is told', async () => (await news(phone)) === null);
});

test('contacts that the version before has noted are notified', async () => {
  const [phone, friend] = await friendsOfOne();
  await leave(phone, 'fan-outs');
  await one.startWorker({ MQTT_CLIENT_ID: 'profile-newer' });
  await eventually('the friend has heard', () => friend.notices.length > 0);
  await eventually('all is told', async () => (await news(phone)) === null);
  assert.equal(await one.database.exists('fan-outs'), 0);
});
