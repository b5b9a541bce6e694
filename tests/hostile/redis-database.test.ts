/** Redis does not let the worker into the database that REDIS_URL names: no other database is used in its place. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { startRedis } from '../../dev/servers/redis.ts';
import { openRedis } from '../../src/store/redis/database.ts';
import { eventually, startHarness } from '../harness/harness.ts';
import { profilectl } from '../harness/profilectl.ts';
import { profile } from '../harness/terms.ts';
import { startWorker } from '../harness/worker.ts';

/** Without SELECT, as a user may be who got their rights from an earlier list. */
const user = 'user worker on >secret ~* &* +@all -select';

test('a worker whose user may not SELECT its database says so, writes nowhere, and is ready once it may', async (t) => {
  const harness = await startHarness({ workers: 0, redis: { extraConfig: user } });
  t.after(() => harness.stop());
  const { broker, redis } = harness;
  const [first, second] = [new Redis(redis.url), new Redis(redis.url, { db: 1 })];
  harness.signIn = async (client, phone) => {
    await second.hset(`session:${client}`, { phone });
    await second.sadd(`sessions:{${phone}}`, client);
  };
  const REDIS_URL = `${redis.url.replace('://', '://worker:secret@')}/1`;
  const settings = { MQTT_URL: broker.url, REDIS_URL, MQTT_CLIENT_ID: 'profile-1', NODE_ENV: 'test' };
  const worker = await startWorker(settings, { ready: /"msg":"not ready"/ });
  harness.onStop(async () => {
    await worker.process.stop();
    for (const each of [first, second]) each.disconnect();
  });
  const cause = 'our user may not use the database that REDIS_URL names: SELECT (NOPERM)';
  const phone = await harness.phone();
  await phone.send(profile({ phone: phone.number, status: 'set' }));

  await eventually('the cause is told', async () =>
    (await worker.page('/readyz')).body.includes(`redis: ${cause}; give our user +select`),
  );
  assert.equal(await worker.metric('profile_redis_fault{cause="no_database"}'), 1);
  const doctor = await profilectl(settings, 'doctor');
  assert.match(doctor.stdout, /failed {3}redis +our user may not use the database.*\n.*\+select/);
  const listed = await profilectl(settings, 'session', 'list', '--redis-only');
  assert.equal(listed.exitCode, 1);
  assert.ok(listed.stderr.includes(`Redis cannot be reached: ${cause}`), listed.stderr);
  const lines = worker.log().filter(({ troubles }) => String(troubles).includes('SELECT'));
  assert.equal(lines.length, 1, 'it is logged once');
  assert.ok(!worker.log().some(({ msg }) => msg === 'ready'));
  assert.deepEqual(phone.answers, []);
  assert.equal(await first.dbsize(), 0);

  await first.call('ACL', 'SETUSER', 'worker', '+select');
  await eventually('ready', async () => (await worker.page('/readyz')).status === 200);
  await eventually('the request is answered', () => phone.answers.length === 1);
  assert.equal(await second.exists(`profile:{${phone.number}}`), 1);
  assert.equal(await first.dbsize(), 0);
});

test('a database that Redis does not have is named, and another is not used', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const database = openRedis(`${redis.url}/99`, '', () => undefined);
  t.after(() => database.close());
  void database.connection.set('a', 'b').catch(() => undefined);
  await eventually('it is told', () => database.state.fault?.name === 'no_database');
  assert.match(database.state.cause ?? '', /^it has no database of the number that REDIS_URL names; /);
  const first = new Redis(redis.url);
  t.after(() => first.disconnect());
  const tries = async () =>
    Number(/cmdstat_select:calls=(\d+)/.exec(await first.info('commandstats'))?.[1] ?? 0);
  await eventually('both connections have tried again', async () => (await tries()) >= 4);
  assert.equal(database.state.connected, false);
  assert.equal(await first.dbsize(), 0);
});
