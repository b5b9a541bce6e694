/** `npm run soak`: all nine requests at one rate for half an hour; ends with exit code 1 if anything grows or goes wrong. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { checkArguments } from '../../dev/arguments.mjs';
import { openProgress } from '../progress.ts';
import { describeMachine, machineLine, RESULTS } from '../report.ts';
import { parseMix, usualMix } from './mix.ts';
import { type SoakResult, soak } from './soak-run.ts';
import { isFlat } from './steadiness.ts';

checkArguments('soak');

function readArguments() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '30' },
      rate: { type: 'string', default: '300' },
      workers: { type: 'string', default: '2' },
      phones: { type: 'string', default: '2000' },
      mix: { type: 'string', default: usualMix },
    },
  });
  const { minutes, rate, workers, phones, mix } = values;
  return {
    seconds: Number(minutes) * 60,
    rate: Number(rate),
    workers: Number(workers),
    phones: Number(phones),
    mix: parseMix(mix),
  };
}

function reportOf({ samples, trends, load, problems }: SoakResult): string[] {
  const ms = (micros: number): string => `${(micros / 1000).toFixed(1)} ms`;
  const { latency } = load;
  const latencies = [50, 99, 99.9].map((part) => `p${part} ${ms(latency.getValueAtPercentile(part))}`);
  const megabytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MB`;
  const [first, last] = [samples[Math.floor(samples.length / 3)], samples.at(-1)];
  return [
    `${load.offered} requests due, ${load.answered} answered, ${load.wrong} of them wrong`,
    `latency from the due time: ${latencies.join(', ')}, most ${ms(latency.maxValue)}`,
    ...trends.map((trend) => {
      const text = (value: number): string =>
        trend.name.endsWith('bytes') ? megabytes(value) : String(value);
      const slope = trend.name.endsWith('bytes')
        ? megabytes(trend.slopePerHour)
        : trend.slopePerHour.toFixed(1);
      const check = isFlat(trend) ? 'flat' : 'GROWS';
      return `${check}  ${trend.name.replace(', bytes', '')}: ${text(trend.before)} in the middle third, ${text(trend.after)} in the last, slope ${slope} an hour`;
    }),
    `Redis: ${megabytes(first?.redisBytes ?? 0)}, ${first?.keys} keys after the first third; ${megabytes(last?.redisBytes ?? 0)}, ${last?.keys} keys at the end, ${last?.lastingKeys} of them without a time to live`,
    [...load.results].map(([name, count]) => `${name} ${count}`).join(', '),
    ...problems.map((problem) => `PROBLEM  ${problem}`),
  ];
}

async function run(): Promise<void> {
  const options = readArguments();
  const start = new Date();
  const machine = describeMachine();
  const { rate, workers, phones, seconds } = options;
  console.log(machineLine(machine));
  console.log(`${workers} workers, ${phones} phones, ${rate} requests/s for ${seconds / 60} minutes`);
  const progress = openProgress();
  const result = await soak({
    ...options,
    sampleMs: Math.min(10_000, (seconds * 1000) / 30),
    progress: progress.show,
  });
  progress.clear();
  const report = reportOf(result);
  console.log(report.join('\n'));
  await mkdir(RESULTS, { recursive: true });
  const file = join(RESULTS, `soak-${start.toISOString().slice(0, 19).replaceAll(':', '-')}.json`);
  const { samples, trends, problems } = result;
  const kept = { start, machine, rate, workers, phones, seconds, report, samples, trends, problems };
  await writeFile(file, `${JSON.stringify(kept, undefined, 2)}\n`);
  console.log(`Kept in ${file}`);
  if (problems.length > 0) throw new Error(`${problems.length} problem(s)`);
}

try {
  await run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
