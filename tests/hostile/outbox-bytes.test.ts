/** Large notices for a broker that is away: what Redis keeps of them is bounded by bytes, whatever their number. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRedis } from '../../dev/servers/redis.ts';
import { openOutbox } from '../../src/store/outbox.ts';
import { openRedis } from '../../src/store/redis/database.ts';
import { eventually } from '../harness/eventually.ts';

const server = await startRedis();
const redis = openRedis(server.url, 'eu:', () => undefined);
await eventually('connected', () => redis.state.connected);
after(async () => {
  await redis.close();
  await server.stop();
});

const broker = 'away:1883';
const outbox = openOutbox(redis);
const megabyte = 'x'.repeat(1024 * 1024);
const count = () => redis.connection.llen(redis.keys.outbox(broker));

test('an outbox takes 32 MiB and refuses the rest, small or large', async () => {
  for (let sent = 0; sent < 100; sent++) await outbox.keep(broker, megabyte);
  assert.equal(await count(), 31);
  assert.equal(await outbox.keep(broker, megabyte), 'busy');
  assert.equal(await outbox.keep(broker, 'small'), 'stored');
});

test('what is sent makes room for as much; what another worker has dropped is not counted twice', async () => {
  const kept = await outbox.peek(broker, 10);
  await outbox.remove(broker, kept);
  await outbox.remove(broker, kept);
  assert.equal(await count(), 22);
  for (let sent = 0; sent < 100; sent++) await outbox.keep(broker, megabyte);
  assert.equal(await count(), 32);
});

test('an empty outbox counts nothing', async () => {
  await outbox.remove(broker, await outbox.peek(broker, 100));
  assert.equal(await outbox.isEmpty(broker), true);
  assert.deepEqual(await redis.connection.keys('*'), []);
});
