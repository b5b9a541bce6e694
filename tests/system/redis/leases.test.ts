/** The locks that expire: only their holder extends and releases them. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '../../../dev/servers/redis.ts';
import { openLeases } from '../../../src/store/leases.ts';
import { openRedis } from '../../../src/store/redis/database.ts';
import { eventually } from '../../harness/eventually.ts';

const redis = await startRedis();
const database = openRedis(redis.url, '', () => undefined);
after(async () => {
  await database.close();
  await redis.stop();
});

test('an expired lock is neither extended nor released by its old holder', async () => {
  const leases = openLeases(database);
  const lapsed = (await leases.take('lease', 50)) ?? assert.fail('taken');
  let next: Awaited<ReturnType<typeof leases.take>>;
  await eventually('it lapses', async () => {
    next = await leases.take('lease', 60_000);
    return next !== undefined;
  });
  assert.ok(lapsed.leftMs() <= 0);
  assert.equal(await lapsed.extend(), false);
  await lapsed.release();
  assert.equal(await leases.take('lease', 60_000), undefined, 'its successor’s');
  assert.equal(await next?.extend(), true);
  await next?.release();
  assert.ok(await leases.take('lease', 1));
});

test('a lock whose first reply was lost expires here no later than in Redis', async () => {
  const { connection } = database;
  let tries = 0;
  const set = async (key: string, name: string, _: 'PX', forMs: number) => {
    const answer = await connection.set(key, name, 'PX', forMs, 'NX');
    if (++tries > 1) return answer;
    await sleep(500);
    throw new Error('Connection is closed.');
  };
  const losing = Object.assign(Object.create(connection), { set });
  const lock = await openLeases({ ...database, connection: losing }).take('lost reply', 60_000);
  const leftInRedis = await connection.pttl('lost reply');
  assert.equal(tries, 2);
  assert.ok(lock !== undefined && lock.leftMs() <= leftInRedis + 1, `${lock?.leftMs()} > ${leftInRedis}`);
});
