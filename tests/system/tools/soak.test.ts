/** A minute of `npm run soak`, which normally runs for half an hour. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMix } from '../../../bench/load/mix.ts';
import { soak } from '../../../bench/load/soak-run.ts';
import { workerArguments } from '../../harness/program.ts';

test('all requests are answered correctly for a minute, and no memory or key count of workers and Redis grows', async (t) => {
  // More of the rare requests than in the field, so that each comes often.
  const mix = parseMix('get=56,init=4,set=8,update=8,link=4,email=4,aws=4,remove=4,migrate=4,phone=4');
  const program = workerArguments.at(-1) ?? assert.fail('no program');
  const { load, trends, problems } = await soak({
    ...{ workers: 2, rate: 60, seconds: 55, phones: 450, sampleMs: 1_000 },
    ...{ mix, program, collectsGarbage: true, progress: () => undefined },
  });
  for (const trend of trends) t.diagnostic(`${trend.name}: ${trend.before} → ${trend.after}`);
  assert.deepEqual(problems, []);
  assert.ok(load.offered > 55 * 60 * 0.8);
});
