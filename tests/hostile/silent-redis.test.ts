/** Redis or a Sentinel falls silent, as a host does that loses its power: nobody closes the connection. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSentinels } from '../../dev/servers/sentinel.ts';
import { atom } from '../../src/etf/index.ts';
import { openRedis } from '../../src/store/redis/database.ts';
import { eventually, startHarness } from '../harness/harness.ts';
import { Relay } from '../harness/relay.ts';
import { profile } from '../harness/terms.ts';

test('a silent Redis is given up: the worker is not ready meanwhile, and the request goes on with a new connection', async (t) => {
  const harness = await startHarness({ redis: {}, workers: 0 });
  t.after(() => harness.stop());
  const relay = await harness.relay({}, harness.redis);
  const worker = await harness.startWorker({ REDIS_URL: relay.url });
  const phone = await harness.phone();
  relay.isOpen = false; // who connects anew is not answered either
  relay.silence();
  await phone.send(profile({ phone: phone.number, presence: atom('online'), status: 'set' }));
  await eventually('not ready', async () => {
    const { status, body } = await worker.page('/readyz');
    return status === 503 && /^redis: it does not answer; see whether/.test(body);
  });
  assert.deepEqual(phone.answers, []);
  assert.equal(await worker.metric('profile_redis_fault{cause="silent"}'), 1);

  relay.isOpen = true;
  relay.admit();
  await eventually('the request is answered', () => phone.answers.length === 1);
  await eventually('ready', async () => (await worker.page('/readyz')).status === 200);
});

test('a silent Sentinel is given up, and the next fail-over is heard of', async (t) => {
  const sentinels = await startSentinels();
  t.after(() => sentinels.stop());
  const [first = '', second = ''] = /\/\/(.*)\//.exec(sentinels.url)?.[1]?.split(',') ?? [];
  const relay = await Relay.start({ url: `redis://${first}` });
  t.after(() => relay.stop());
  const database = openRedis(`redis+sentinel://127.0.0.1:${relay.port}/main`, '', () => undefined);
  t.after(() => database.close());
  await eventually('Redis is there', () => database.state.connected);

  const { accepted } = relay;
  relay.silence();
  await eventually('the Sentinel is listened to anew', () => relay.accepted > accepted);
  const { port } = await sentinels.master();
  await sentinels.switchOver();
  await eventually('another is the master', async () => (await sentinels.master()).port !== port);
  await eventually('the worker is with it', async () =>
    /role:master/.test(await database.connection.info('replication').catch(() => '')),
  );

  relay.isOpen = false;
  const other = openRedis(`redis+sentinel://127.0.0.1:${relay.port},${second}/main`, '', () => undefined);
  t.after(() => other.close());
  await eventually('a Sentinel that does not answer is passed over', () => other.state.connected);
});
