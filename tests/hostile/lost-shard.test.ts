/**
 * A Cluster that serves the slots it has (`cluster-require-full-coverage no`) loses a master and its replica. Phones of other
 * masters are served, and the cause is told in words; all of it ends without a restart.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Cluster } from 'ioredis';
import { type RedisCluster, startCluster } from '../../dev/servers/cluster.ts';
import type { Server } from '../../dev/servers/process.ts';
import { atom, decode } from '../../src/etf/index.ts';
import { eventually, type Phone } from '../harness/harness.ts';
import { startRedisHarness } from '../harness/redis-fixture.ts';
import { fieldsOf, profile, refusal } from '../harness/terms.ts';

type Shard = readonly [first: number, last: number, ...nodes: (readonly [address: string, port: number])[]];

/** The nodes of one shard, and which phones need it. */
async function pickShard(
  { nodes }: RedisCluster,
  connection: Cluster,
): Promise<{ lost: readonly Server[]; needs: (phone: Phone) => Promise<boolean> }> {
  const shards = (await connection.cluster('SLOTS')) as unknown as readonly Shard[];
  const [first, last, ...members] = shards[0] ?? assert.fail('no slots');
  const isIn = async (key: string): Promise<boolean> => {
    const slot = Number(await connection.cluster('KEYSLOT', key));
    return first <= slot && slot <= last;
  };
  return {
    lost: nodes.filter(({ port }) => members.some((member) => member[1] === port)),
    needs: async ({ client, number }) => (await isIn(`session:${client}`)) || (await isIn(`{${number}}`)),
  };
}

async function start(t: TestContext) {
  const cluster = await startCluster({ extraConfig: 'cluster-require-full-coverage no' });
  const { harness, database, phones, set, ready } = await startRedisHarness(t, cluster, 24);
  await set('before');
  const { lost, needs } = await pickShard(cluster, database.connection as Cluster);
  assert.equal(lost.length, 2);
  const needing = await Promise.all(phones.map(needs));
  const cut = phones.filter((_, index) => needing[index]);
  const others = phones.filter((_, index) => !needing[index]);
  assert.ok(cut.length > 0 && others.length > 0);
  return { harness, lost, cut, others, ready };
}

const get = ({ number }: Phone) => profile({ phone: number, status: 'get' });

test('a lost shard stops its own phones alone, and is named', async (t) => {
  const { harness, lost, cut, others, ready } = await start(t);
  const { workers } = harness;
  const each = async (what: string, holds: (worker: (typeof workers)[number]) => Promise<boolean>) =>
    eventually(what, async () => (await Promise.all(workers.map(holds))).every(Boolean));
  const series = 'profile_redis_fault{cause="cluster_down"}';
  await Promise.all(lost.map((node) => node.kill('SIGKILL')));
  // As many as two workers have in flight, and more.
  const count = Math.ceil(700 / cut.length);
  for (let round = 0; round < count; round++) await Promise.all(cut.map((phone) => phone.send(get(phone))));

  const answers = await Promise.all(others.map((phone) => phone.ask(get(phone))));
  for (const answer of answers) assert.deepEqual(fieldsOf(answer).presence, atom('before'));
  const isTold = (text: string) => /^redis: some of the Cluster’s slots have no master/m.test(text);
  await each('/readyz says it', async (worker) => isTold((await worker.page('/readyz')).body));
  await each('the metric says it', async (worker) => (await worker.metric(series)) === 1);
  for (const worker of workers)
    assert.ok(worker.log().some(({ troubles }) => String(troubles).includes('CLUSTERDOWN')));
  // What waited for it has left the window, with an answer.
  await eventually('all are answered', () => cut.every((phone) => phone.answers.length === count));
  for (const phone of cut)
    for (const { payload } of phone.answers.splice(0)) assert.deepEqual(decode(payload), refusal('internal'));

  await Promise.all(lost.map((node) => node.restart()));
  await ready();
  await each('the metric is 0 again', async (worker) => (await worker.metric(series)) === 0);
  for (const phone of cut)
    await eventually('a phone is served again', async () => {
      const answer = await phone.ask(get(phone));
      return !Buffer.from(JSON.stringify(answer)).includes('internal');
    });
});
