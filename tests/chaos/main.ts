/**
 * `npm run chaos -- [--long] [--redis KIND]…`; ends with exit code 0 only if every promise of docs/delivery.md holds.
 */
import { rm } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { deckOf, thoroughPace } from './random-faults/faults.ts';
import { type RedisKind, redisKinds } from './random-faults/redis-kinds.ts';
import { runChaos } from './random-faults/run.ts';
import { type FaultKind, faultKinds } from './random-faults/timeline.ts';

const usage = `npm run chaos -- [--long] [--redis KIND]... [--seconds N] [--seed N] [--rate N] [--phones N] [--fault KIND]...

Phones ask, while workers are killed, frozen and stopped, connections are cut, Redis and the broker restarted or failed
over, and mail server and STS hang. Exit code 0: every promise of docs/delivery.md was kept.

  --redis KIND   ${redisKinds.join(', ')}; several times: a run on each; default single
  --long         five minutes on each kind of Redis
  --seconds N    so long faults are done in a run; default 120
  --seed N       the same seed makes the same choices, though not at the same moments; default a new one
  --rate N       requests a second; default 400
  --phones N     of those that also change something; default 40
  --fault KIND   only these: ${faultKinds.join(', ')};
                 default all but killBroker, after which a broker may have forgotten what it had taken

LOG_LEVEL is that of the workers.`;

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
      help: { type: 'boolean', default: false },
    },
  });
  const { long } = values;
  const redis = values.redis ?? (long ? redisKinds : ['single']);
  const faults = values.fault ?? faultKinds.filter((kind) => kind !== 'killBroker');
  const isKnown = (names: readonly string[], known: readonly string[]) =>
    names.every((name) => known.includes(name));
  const seconds = Number(values.seconds ?? (long ? 300 : 120));
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const [rate, phones] = [Number(values.rate), Number(values.phones)];
  const areNumbers = [seconds, seed, rate, phones].every((value) => Number.isFinite(value) && value >= 0);
  const isWrong = !isKnown(redis, redisKinds) || !isKnown(faults, faultKinds) || !areNumbers;
  if (values.help || isWrong) return undefined;
  return { seconds, seed, rate, phones, redis: redis as RedisKind[], deck: deckOf(faults as FaultKind[]) };
}

/** @returns whether every promise holds. */
async function run(options: NonNullable<ReturnType<typeof readArguments>>): Promise<boolean> {
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

const options = readArguments();
if (options === undefined) console.log(usage);
process.exitCode = options === undefined ? 78 : (await run(options)) ? 0 : 1;
