/**
 * `npm run chaos -- [--long] [--redis KIND]…`; ends with exit code 0 only if every promise of docs/delivery.md holds.
 */
import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { checkArguments } from '../../dev/arguments.mjs';
import { deckOf, thoroughPace } from './random-faults/faults.ts';
import { type RedisKind, redisKinds } from './random-faults/redis-kinds.ts';
import { runChaos } from './random-faults/run.ts';
import { type FaultKind, faultKinds } from './random-faults/timeline.ts';

checkArguments('chaos');

function readArguments() {
  const { values } = parseArgs({
    options: {
      redis: { type: 'string', multiple: true },
      long: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      seed: { type: 'string' },
      rate: { type: 'string', default: '400' },
      phones: { type: 'string', default: '40' },
      fault: { type: 'string', multiple: true },
    },
  });
  const { long } = values;
  const redis = values.redis ?? (long ? redisKinds : ['single']);
  const faults = values.fault ?? faultKinds.filter((kind) => kind !== 'killBroker');
  const seconds = Number(values.seconds ?? (long ? 300 : 120));
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const [rate, phones] = [Number(values.rate), Number(values.phones)];
  return { seconds, seed, rate, phones, redis: redis as RedisKind[], deck: deckOf(faults as FaultKind[]) };
}

/** @returns whether every promise holds. */
async function run(options: ReturnType<typeof readArguments>): Promise<boolean> {
  const { seed, seconds, rate, phones, deck } = options;
  console.log(`--seed ${seed}`);
  const total = { requests: 0, kills: 0, bad: 0 };
  for (const redis of options.redis) {
    const { isGood, requests, kills, report, folder } = await runChaos({
      seed,
      course: { deck, seconds, pace: thoroughPace },
      rate,
      phones,
      redis,
      print: (line) => console.log(line),
    });
    console.log(`\n${report.join('\n')}\n`);
    if (isGood) await rm(folder, { recursive: true });
    else console.log(`NOT every promise was kept; the workers' logs are in ${folder}\n`);
    total.requests += requests;
    total.kills += kills;
    total.bad += isGood ? 0 : 1;
  }
  console.log(`${total.requests} requests, ${total.kills} kills`);
  if (total.bad === 0) console.log('Every promise was kept.');
  return total.bad === 0;
}

process.exitCode = (await run(readArguments())) ? 0 : 1;
