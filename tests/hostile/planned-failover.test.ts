/** A server that hands over stops changes for a while (`CLIENT PAUSE`, `FAILOVER`). Profiles are read meanwhile. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startCluster } from '../../dev/servers/cluster.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { startSentinels } from '../../dev/servers/sentinel.ts';
import { atom } from '../../src/etf/index.ts';
import { openRedis } from '../../src/store/redis/database.ts';
import { eventually } from '../harness/eventually.ts';
import { startRedisHarness } from '../harness/redis-fixture.ts';
import { profile } from '../harness/terms.ts';

const kinds = {
  'one server': async () => {
    const server = await startRedis();
    return { url: server.url, stop: () => server.stop(), masters: async () => [server] };
  },
  Sentinels: async () => {
    const sentinels = await startSentinels();
    return { ...sentinels, masters: async () => [await sentinels.master()] };
  },
  'a Cluster': () => startCluster(),
};

for (const [kind, start] of Object.entries(kinds))
  test(`${kind}: while changes are stopped a get is answered, also behind a change that waits`, (t) =>
    reads(t, start));

test('a server that stops changes before anybody has read from it answers all the same', async (t) => {
  const { database, own } = await connected(t);
  await own.call('CLIENT', 'PAUSE', '600000', 'WRITE');
  assert.deepEqual(await database.readBatch(['session:nobody'], 's', []), [null]);
});

test('256 changes at once send a script that the server lacks once, not each', async (t) => {
  const { database, own } = await connected(t);
  const run = () => database.run('heartbeat', ['workers'], ['a']);
  await run();
  await own.script('FLUSH');
  await own.config('RESETSTAT');
  const answers: Promise<unknown>[] = [];
  for (let count = 0; count < 256; count++) {
    answers.push(run());
    await setImmediate(); // in a batch of its own
  }
  await Promise.all(answers);
  const [, calls] = /cmdstat_eval:calls=(\d+)/.exec(await own.info('commandstats')) ?? [];
  assert.equal(calls, '1');
});

/** A database that has just connected to a new server, and a connection of the test's own. */
async function connected(t: TestContext) {
  const server = await startRedis();
  t.after(() => server.stop());
  const database = openRedis(server.url, '', () => undefined);
  t.after(() => database.close());
  const own = new Redis(server.port, '127.0.0.1');
  t.after(() => own.disconnect());
  await eventually('it is connected', () => database.state.connected);
  // One checks rights, one reads.
  await eventually('it has the scripts of a start', async () =>
    (await own.info('memory')).includes('number_of_cached_scripts:2'),
  );
  return { database, own };
}

async function reads(t: TestContext, start: (typeof kinds)[keyof typeof kinds]): Promise<void> {
  const redis = await start();
  const { phones, set, isStored, ready } = await startRedisHarness(t, redis, 4);
  await set('before');
  const masters = (await redis.masters()).map(({ port }) => new Redis(port, '127.0.0.1'));
  for (const master of masters) master.on('error', () => undefined); // it is stopped first
  t.after(() => {
    for (const master of masters) master.disconnect();
  });
  for (const master of masters) await master.call('CLIENT', 'PAUSE', '600000', 'WRITE');
  const [writer] = phones;
  assert.ok(writer);
  await writer.send(profile({ phone: writer.number, presence: atom('during'), status: 'set' }));
  for (let count = 0; count < 5; count++) await isStored('before');
  assert.deepEqual(writer.answers, [], 'the change waits');
  for (const master of masters) await master.call('CLIENT', 'UNPAUSE');
  await writer.take();
  await ready();
}
