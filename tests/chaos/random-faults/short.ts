import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { test } from 'node:test';
import { quickPace } from './faults.ts';
import type { RedisKind } from './redis-kinds.ts';
import { runChaos } from './run.ts';
import type { FaultKind } from './timeline.ts';

export const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));

/** A test that causes each fault of a deck once; `npm run chaos` runs longer. */
export function testShortRun(redis: RedisKind, deck: readonly FaultKind[]): void {
  test(`every promise holds in the short chaos on Redis ${redis} (CHAOS_SEED=${seed})`, async (t) => {
    const { isGood, report, folder } = await runChaos({
      seed,
      course: { deck, pace: quickPace },
      rate: 150,
      phones: 16,
      redis,
      print: (line) => t.diagnostic(line),
    });
    assert.ok(isGood, `${report.join('\n')}\nthe workers' logs are in ${folder}`);
    await rm(folder, { recursive: true });
  });
}
