/** Short runs of `npm run chaos`, with each fault once; long ones are for people. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { Chance } from './random.ts';
import { type Course, quickPace } from './storm/faults.ts';
import type { RedisKind } from './storm/redis-kinds.ts';
import { runChaos } from './storm/run.ts';
import type { FaultKind } from './storm/timeline.ts';

const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));

const everything: FaultKind[] = [
  ...(['kill', 'term', 'freeze', 'cutBroker', 'cutRedis', 'restartRedis', 'restartBroker'] as const),
  ...(['hangMail', 'hangSts'] as const),
];

const runs: readonly { readonly redis: RedisKind; readonly deck: readonly FaultKind[] }[] = [
  { redis: 'single', deck: everything },
  {
    redis: new Chance(seed, 'redis').pick(['sentinel', 'cluster']),
    deck: ['failover', 'kill', 'cutRedis', 'failover'],
  },
];

for (const { redis, deck } of runs) {
  test(`every promise is kept in the short chaos on Redis ${redis} (CHAOS_SEED=${seed})`, async (t) => {
    const course: Course = { deck, pace: quickPace };
    const { isGood, report, folder } = await runChaos({
      seed,
      course,
      rate: 150,
      phones: 16,
      redis,
      print: (line) => t.diagnostic(line),
    });
    assert.ok(isGood, `${report.join('\n')}\nthe workers' logs are in ${folder}`);
    await rm(folder, { recursive: true });
  });
}
