/** Several `REDIS_URL`s: a Cluster whose slots move and whose masters fail while phones send requests. */
import { test } from 'node:test';
import { startCluster } from '../../../dev/servers/cluster.ts';
import { eventually } from '../../harness/harness.ts';
import { startRedisHarness } from '../../harness/redis-fixture.ts';

test('slots that move between masters: every request is answered, and every answered change is stored', async (t) => {
  const cluster = await startCluster();
  const { set, isStored, phones } = await startRedisHarness(t, cluster, 6);
  await set('before');
  for (let round = 0; round < 2; round++) {
    const moving = (async () => {
      for (const { number, client } of phones) {
        await cluster.moveSlot(`profile:{${number}}`);
        await cluster.moveSlot(`session:${client}`);
      }
    })();
    let isMoving = true;
    const moved = moving.finally(() => {
      isMoving = false;
    });
    for (let count = 0; isMoving; count++) await set(`moving ${round} ${count}`);
    await moved;
    await set(`moved ${round}`);
    await isStored(`moved ${round}`);
  }
});

test('a master that exits or freezes: its replica takes over, requests are answered meanwhile, and no confirmed change is lost', async (t) => {
  const cluster = await startCluster();
  const { set, isStored, ready } = await startRedisHarness(t, cluster);
  await set('before');
  for (const [signal, repair] of [
    ['SIGKILL', (node: { restart(): Promise<void> }) => node.restart()],
    ['SIGSTOP', (node: { kill(signal: 'SIGCONT'): Promise<void> }) => node.kill('SIGCONT')],
  ] as const) {
    const masters = await cluster.masters();
    const [victim] = masters;
    await victim?.kill(signal);
    await set(signal);
    await eventually(
      'a replica is a master',
      async () => (await cluster.masters()).some((node) => !masters.includes(node)),
      45_000,
    );
    if (victim) await repair(victim);
    await eventually('the cluster is whole', () => cluster.isWhole(), 45_000);
    await ready();
    await isStored(signal);
  }
});
