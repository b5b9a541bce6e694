/**
 * `npm run load`: thousands of simulated phones send requests at growing rates, until the workers no longer keep up.
 *
 * Requests are sent when they are due, whether earlier ones were answered or not, and latencies count from then.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkArguments } from '../../dev/arguments.mjs';
import { describeMachine, machineLine, RESULTS } from '../report.ts';
import { chartsOf } from './charts.ts';
import { curvesSvg } from './curves.ts';
import { parseMix, usualMix } from './mix.ts';
import { type Sweep, sweep } from './sweep.ts';
import { startSystem, useSystem } from './system.ts';

checkArguments('load');

const presets = '100,200,300,500,750,1000,1500,2000,2500,3000,4000,5000,7000,10000';

function readArguments() {
  const { values } = parseArgs({
    options: {
      workers: { type: 'string', default: '1,2,4' },
      rates: { type: 'string', default: presets },
      seconds: { type: 'string', default: '6' },
      phones: { type: 'string', default: '2000' },
      friends: { type: 'string', default: '8' },
      mix: { type: 'string', default: usualMix },
      arrivals: { type: 'string', default: 'poisson' },
      p99: { type: 'string', default: '100' },
      qos: { type: 'string', default: '2' },
      mqtt: { type: 'string' },
      redis: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  });
  const numbers = (list: string): number[] => list.split(',').map((text) => positive(text));
  const { quick, arrivals, mqtt, redis } = values;
  if (arrivals !== 'poisson' && arrivals !== 'even') throw new Error('--arrivals is poisson or even');
  if ((mqtt === undefined) !== (redis === undefined)) throw new Error('--mqtt and --redis belong together');
  return {
    workers: quick ? [2] : numbers(values.workers),
    rates: quick ? [100, 200, 300] : numbers(values.rates).toSorted((a, b) => a - b),
    durationMs: quick ? 2_000 : positive(values.seconds) * 1000,
    phones: quick ? 200 : positive(values.phones),
    friends: Number(values.friends),
    mix: parseMix(values.mix),
    arrivals: arrivals as 'poisson' | 'even',
    maxP99Ms: positive(values.p99),
    qos: values.qos === '1' ? (1 as const) : (2 as const),
    running: mqtt !== undefined && redis !== undefined ? { mqtt, redis } : undefined,
  };
}

function positive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new Error(`${text} is no number above 0`);
  return number;
}

async function run(): Promise<void> {
  const options = readArguments();
  const start = new Date();
  const machine = describeMachine();
  console.log(machineLine(machine));
  console.log(
    'Latencies count from the time when a request was due. Cores: processor seconds a second; all share this machine.',
  );
  const sweeps: Sweep[] = [];
  if (options.running !== undefined) {
    const system = await useSystem(options.running.mqtt, options.running.redis);
    sweeps.push(await sweep('as it runs', system, options).finally(() => system.stop()));
  } else {
    for (const workers of options.workers) {
      const system = await startSystem(workers);
      const name = `${workers} worker${workers > 1 ? 's' : ''}`;
      sweeps.push(await sweep(name, system, options).finally(() => system.stop()));
    }
  }
  await mkdir(RESULTS, { recursive: true });
  const name = join(RESULTS, `load-${start.toISOString().slice(0, 19).replaceAll(':', '-')}`);
  await writeFile(
    `${name}.json`,
    `${JSON.stringify({ start, machine, maxP99Ms: options.maxP99Ms, sweeps }, undefined, 2)}\n`,
  );
  await writeFile(`${name}.svg`, curvesSvg(chartsOf(sweeps, options.maxP99Ms), machineLine(machine)));
  console.log(`\nKept in ${name}.json and ${name}.svg`);
  const wrong = sweeps.flatMap(({ steps }) => steps).reduce((sum, step) => sum + step.wrong, 0);
  if (wrong > 0) throw new Error(`${wrong} answers were wrong`);
}

try {
  await run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
