/**
 * Runs two workers under random requests of all nine kinds, against a model of the contract. Phones with each other
 * as contacts send requests in sequence and in parallel. Every answer, every notice and all of Redis must match some
 * order of the requests.
 *
 * `MODEL_SECONDS` sets how long it runs, `MODEL_SEED` repeats the choice of requests.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { startServices } from '../../dev/servers/services.ts';
import { requestKinds } from '../../src/handlers/index.ts';
import { startHarness } from '../harness/harness.ts';
import { weights } from './model/choices.ts';
import { Hammer, slowStsMs } from './model/hammer.ts';
import { verifySecret } from './model/stores.ts';

const seconds = Number(process.env.MODEL_SECONDS ?? 20);
const seed = Number(process.env.MODEL_SEED ?? randomInt(2 ** 31));

/** Groups of phones that have each other as contacts; all groups act independently, at the same time. */
const casts = 8;

test('every answer, every notice and all of Redis match some order of the requests', {
  timeout: (seconds + 120) * 1000,
}, async (t) => {
  const services = await startServices();
  t.after(() => services.stop());
  const { smtp, sts } = services;
  const settings = {
    LOG_LEVEL: 'info',
    ...services.settings,
    VERIFY_SECRET: verifySecret,
    AWS_FAST_REPLY_MS: String(slowStsMs / 3),
    CREDENTIALS_KEY: Buffer.alloc(32, 7).toString('base64'),
  };
  const harness = await startHarness({ workers: 2, settings });
  t.after(() => harness.stop());
  const hammer = await Hammer.start({ harness, smtp, sts, seed }, casts);
  t.diagnostic(`seed ${seed}`);

  const started = performance.now();
  const passed = () => (performance.now() - started) / 1000;
  while (passed() < seconds) await hammer.wave();

  t.diagnostic(
    `${hammer.operations} requests in ${hammer.waves} waves, ${Math.round(hammer.operations / passed())}/s`,
  );
  t.diagnostic(`the search: ${JSON.stringify(hammer.explored)}`);
  for (const name of [...hammer.counts.keys()].sort()) t.diagnostic(`${name} × ${hammer.counts.get(name)}`);
  assert.deepEqual(await hammer.strayKeys(), []);
  for (const kind of requestKinds.filter((known) => known in weights)) {
    assert.ok(
      [...hammer.counts.keys()].some((name) => name.startsWith(`${kind}: `)),
      `${kind} was asked`,
    );
  }
});
