/**
 * `npm run chaos`: phones ask, while workers are killed, frozen and stopped, connections are cut, Redis and the broker
 * restarted, and mail server and STS hang. It ends with exit code 0 only if every promise of docs/delivery.md was kept.
 *
 * Environment: `CHAOS_SECONDS` (default 120), `CHAOS_SEED` (default a new one; the same seed makes the same choices, though not at
 * the same moments), `CHAOS_RATE` (requests a second, default 320), `CHAOS_PHONES` (default 40), `CHAOS_REDIS` (`single`,
 * `sentinel` or `cluster`), `CHAOS_FAULTS` (kinds, comma-separated; default all but `killBroker`), `LOG_LEVEL` of the workers.
 */

import type { RedisKind } from './storm/redis-kinds.ts';
import { runChaos } from './storm/run.ts';
import { type FaultKind, faultKinds } from './storm/timeline.ts';

const { CHAOS_SECONDS, CHAOS_SEED, CHAOS_RATE, CHAOS_PHONES, CHAOS_REDIS, CHAOS_FAULTS } = process.env;

const redisKinds: readonly string[] = ['single', 'sentinel', 'cluster'];
const redis = CHAOS_REDIS ?? 'single';
const faults = (CHAOS_FAULTS ?? faultKinds.filter((kind) => kind !== 'killBroker').join()).split(',');
const unknown = faults.filter((kind) => !(faultKinds as readonly string[]).includes(kind));
if (!redisKinds.includes(redis) || unknown.length > 0) {
  console.error(
    `CHAOS_REDIS is one of ${redisKinds.join(', ')}; CHAOS_FAULTS are of ${faultKinds.join(', ')}`,
  );
  process.exit(78);
}

const seed = Number(CHAOS_SEED ?? Math.floor(Math.random() * 2 ** 31));
console.log(`CHAOS_SEED=${seed}`);
const { isGood, report, folder } = await runChaos({
  seed,
  seconds: Number(CHAOS_SECONDS ?? 120),
  rate: Number(CHAOS_RATE ?? 320),
  phones: Number(CHAOS_PHONES ?? 40),
  redis: redis as RedisKind,
  faults: faults as FaultKind[],
  print: (line) => console.log(line),
});
console.log(`\n${report.join('\n')}\n`);
console.log(
  isGood ? 'Every promise was kept.' : `NOT every promise was kept; the workers' logs are in ${folder}`,
);
process.exitCode = isGood ? 0 : 1;
