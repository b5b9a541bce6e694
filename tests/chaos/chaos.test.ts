/** A short run of `npm run chaos`; a long one is for people. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { runChaos } from './storm/run.ts';

const seed = Math.floor(Math.random() * 2 ** 31);

test(`every promise is kept while workers die, connections break and Redis restarts (seed ${seed})`, async (t) => {
  const { isGood, report, folder } = await runChaos({
    seed,
    seconds: 15,
    rate: 100,
    phones: 16,
    redis: 'single',
    faults: ['kill', 'term', 'cutBroker', 'cutRedis', 'restartRedis'],
    print: (line) => t.diagnostic(line),
  });
  assert.ok(isGood, `${report.join('\n')}\nthe workers' logs are in ${folder}`);
  await rm(folder, { recursive: true });
});
