/** `redis+sentinel://…`: another server becomes the master while phones send requests. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type Sentinels, startSentinels } from '../../../dev/servers/sentinel.ts';
import { openRedis } from '../../../src/store/redis/database.ts';
import { eventually } from '../../harness/harness.ts';
import { startRedisHarness } from '../../harness/redis-fixture.ts';

test('a master that exits, freezes or hands over: the next one serves requests meanwhile, and no confirmed change is lost', async (t) => {
  const sentinels = await startSentinels();
  const { set, isStored, ready } = await startRedisHarness(t, sentinels);
  // A Sentinel may choose the former master, which has not caught up yet.
  const haveCaughtUp = () => eventually('both replicas follow', () => sentinels.isWhole(), 40_000);

  await set('before');
  const dying = await sentinels.master();
  await dying.kill('SIGKILL');
  await set('killed');
  await ready();
  await dying.restart();
  await haveCaughtUp();
  await isStored('killed');

  // Its connections stay open and silent, like those of a host without power.
  const freezing = await sentinels.master();
  await freezing.kill('SIGSTOP');
  await set('froze');
  await eventually('another is the master', () => isDeposed(sentinels, freezing));
  await freezing.kill('SIGCONT');
  await haveCaughtUp();
  await ready();
  await isStored('froze');

  const handing = await sentinels.master();
  await sentinels.switchOver();
  await eventually('its replica is the master', () => isDeposed(sentinels, handing));
  // The Sentinels leave it a master for 8 s more. It accepts changes and loses them when it is made a replica.
  await sleep(2_000); // A Sentinel with old data may have sent a worker back, which has left again.
  await eventually('the workers leave it', async () => (await clientsOf(handing)) === 0, 6_000);
  await set('handed over');
  await haveCaughtUp();
  await ready();
  await isStored('handed over');
});

test('a worker with one Sentinel leaves a master that hands over before that Sentinel reports the end', async (t) => {
  const sentinels = await startSentinels();
  t.after(() => sentinels.stop());
  const database = openRedis(onlyFirst(sentinels.url), '', () => undefined);
  t.after(() => database.close());
  await eventually('Redis is there', () => database.state.connected);
  const handing = await sentinels.master();
  assert.notEqual(await clientsOf(handing), 0);

  await sentinels.switchOver();
  await eventually('its replica is the master', () => isDeposed(sentinels, handing));
  await eventually('the worker leaves it', async () => (await clientsOf(handing)) === 0, 6_000);
  await eventually('it is with the next', async () => (await clientsOf(await sentinels.master())) > 0);
});

const isDeposed = async (sentinels: Sentinels, old: { port: number }): Promise<boolean> =>
  (await sentinels.master()).port !== old.port;

const onlyFirst = (url: string): string => url.replace(/,[^/]*/, '');

/** Connections that are neither a Sentinel's nor a replica's. */
async function clientsOf({ port }: { port: number }): Promise<number> {
  const connection = new Redis(port, '127.0.0.1');
  try {
    const clients = String(await connection.client('LIST', 'TYPE', 'NORMAL'))
      .trim()
      .split('\n');
    return clients.filter((client) => !/ name=sentinel-| cmd=client/.test(client)).length;
  } finally {
    connection.disconnect();
  }
}
