/** A slot of a Cluster is being moved, and changes of its phone cannot be made: other phones of the same master do not wait. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Redis } from 'ioredis';
import { startCluster } from '../../dev/servers/cluster.ts';
import { atom } from '../../src/etf/index.ts';
import { startRedisHarness } from '../harness/redis-fixture.ts';
import { profile } from '../harness/terms.ts';

/** Of each master, by its slots. */
async function connect(t: TestContext, ports: readonly number[]) {
  return Promise.all(
    ports.map(async (port) => {
      const node = new Redis(port, '127.0.0.1');
      node.on('error', () => undefined); // it is stopped first
      t.after(() => node.disconnect());
      const id = String(await node.call('CLUSTER', 'MYID'));
      const own = String(await node.call('CLUSTER', 'NODES'))
        .split('\n')
        .find((line) => line.startsWith(id));
      const [first = 0, last = 0] = own?.split(' ')[8]?.split('-').map(Number) ?? [];
      return { node, id, owns: (slot: number) => first <= slot && slot <= last };
    }),
  );
}

test('a change in a slot that is being moved waits alone', async (t) => {
  const cluster = await startCluster();
  const { phones, set } = await startRedisHarness(t, cluster, 12);
  await set('before');
  const masters = await connect(
    t,
    (await cluster.masters()).map(({ port }) => port),
  );
  const slotOf = async (number: string) =>
    Number(await masters[0]?.node.call('CLUSTER', 'KEYSLOT', `{${number}}`));
  const [moving] = phones;
  assert.ok(moving);
  const slot = await slotOf(moving.number);
  const from = masters.find(({ owns }) => owns(slot));
  const to = masters.find((master) => master !== from);
  assert.ok(from && to);
  const slots = await Promise.all(phones.map(async (phone) => ({ phone, slot: await slotOf(phone.number) })));
  const neighbours = slots
    .filter((each) => each.slot !== slot && from.owns(each.slot))
    .map(({ phone }) => phone);
  assert.ok(neighbours.length > 0, 'no phone shares the master');

  // Some keys of a phone are not there, and may be with the other master: Redis says TRYAGAIN.
  await to.node.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', from.id);
  await from.node.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to.id);
  const change = { presence: atom('during'), status: 'set' } as const;
  await moving.send(profile({ phone: moving.number, ...change }));
  for (let round = 0; round < 20; round++)
    await Promise.all(neighbours.map((phone) => phone.exchange(profile({ phone: phone.number, ...change }))));
  assert.deepEqual(moving.answers, [], 'the change waits');
  for (const { node } of [from, to]) await node.call('CLUSTER', 'SETSLOT', slot, 'STABLE');
  await moving.take();
});
