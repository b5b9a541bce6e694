/** From any list of clients at a broker, sweep and sync make it equal to the sessions in Redis. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRedis } from '../../../dev/servers/redis.ts';
import { clientIn, phoneIn } from '../../../src/broker-acl/client.ts';
import { sweep } from '../../../src/broker-acl/sweep.ts';
import { openRedis } from '../../../src/store/redis/database.ts';
import { openRegistry } from '../../harness/device.ts';
import { startProductionBroker } from '../../harness/production-broker.ts';

const [broker, redis] = await Promise.all([startProductionBroker(), startRedis()]);
const database = openRedis(redis.url, '', () => undefined);
const registry = openRegistry(database, [broker]);
const acl = registry.brokers[0] ?? assert.fail();
after(async () => {
  await registry.close();
  await database.close();
  await Promise.all([broker.server.stop(), redis.stop()]);
});

const phones = Array.from({ length: 6 }, (_, index) => `38056000000${index}`);
const clients = Array.from({ length: 30 }, (_, index) => `client-${index}`);

/** Small numbers that a seed decides (mulberry32). */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** The leftovers of crashes, older versions and people: each client anywhere at the broker, and anywhere in Redis. */
async function scatter(pick: (below: number) => number): Promise<Map<string, string>> {
  const sessions = new Map<string, string>();
  const phone = () => phones[pick(phones.length)] ?? assert.fail();
  for (const client of clients) {
    if (pick(4) > 0) await acl.clients.put({ client, phone: phone(), token: 'x' }, undefined);
    if (pick(3) === 0) continue;
    const own = phone();
    sessions.set(client, own);
    await database.connection.hset(`session:${client}`, { phone: own });
    // A member may be missing, or stale.
    if (pick(4) > 0) await database.connection.sadd(`sessions:{${pick(8) > 0 ? own : phone()}}`, client);
  }
  for (const each of phones) if (pick(4) === 0) await acl.clients.dropPhone(each);
  return sessions;
}

async function workOff(): Promise<void> {
  for (;;) {
    const { due, pending } = await acl.work.look();
    if (pending === 0) return;
    for (const task of due) if ((await acl.sync(task.phone)) === 'done') await acl.work.done(task);
  }
}

async function namesAt(of: 'groups' | 'roles'): Promise<string[]> {
  const found: string[] = [];
  for await (const page of acl.clients.names(of))
    found.push(...page.filter((name) => phoneIn(name) ?? clientIn(name)));
  return found.sort();
}

for (const seed of [1, 2, 3, 4]) {
  test(`from any state, seed ${seed}`, async () => {
    const sessions = await scatter(numbersFrom(seed));
    const known = new Set<string>();
    for await (const page of acl.clients.all()) for (const { client } of page) known.add(client);
    await sweep(acl, async () => undefined);
    await workOff();

    const left = clients.filter((client) => known.has(client) && sessions.has(client));
    for (const client of clients)
      assert.equal((await acl.clients.find(client)) !== undefined, left.includes(client), client);
    for (const client of left)
      assert.ok(await acl.clients.isWhole(client, sessions.get(client) ?? ''), client);
    const groups = [...new Set(left.map((client) => `phone:${sessions.get(client)}`))].sort();
    assert.deepEqual(await namesAt('groups'), groups);
    assert.deepEqual(await namesAt('roles'), [...left.map((client) => `client:${client}`), ...groups].sort());

    await database.connection.flushdb();
    await sweep(acl, async () => undefined);
    await workOff();
    assert.deepEqual([...(await namesAt('groups')), ...(await namesAt('roles'))], []);
  });
}
