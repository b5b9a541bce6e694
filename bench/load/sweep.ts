import { openProgress } from '../progress.ts';
import type { Arrivals } from './arrivals.ts';
import { LoadGenerator, type StepResult } from './generator.ts';
import type { Mix } from './mix.ts';
import { Population } from './population.ts';
import { keepsUp, type Point, saturationOf } from './saturation.ts';
import type { System } from './system.ts';
import { type CpuSeconds, startMeter } from './usage.ts';

export interface SweepOptions {
  /** Requests a second, rising. */
  readonly rates: readonly number[];
  readonly durationMs: number;
  readonly phones: number;
  readonly friends: number;
  readonly mix: Mix;
  readonly arrivals: Arrivals;
  readonly qos: 1 | 2;
  /** Longest p99 with which a system still keeps up. */
  readonly maxP99Ms: number;
}

/** The measured values at one rate. */
export interface MeasuredStep extends Point {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  readonly unanswered: number;
  readonly wrong: number;
  /** Of the phones' own sending. */
  readonly latenessP99Ms: number;
  /** Cores used. */
  readonly cores: CpuSeconds;
  readonly results: Readonly<Record<string, number>>;
}

export interface Sweep {
  /** How many workers, or `as it runs`. */
  readonly name: string;
  readonly steps: readonly MeasuredStep[];
}

/** Loads one system at rising rates, until two were too high; prints a row for each. */
export async function sweep(name: string, system: System, options: SweepOptions): Promise<Sweep> {
  const progress = openProgress();
  const { phones: people, friends, qos, mix, arrivals, durationMs, maxP99Ms } = options;
  const { broker, redis, codeFor } = system;
  const population = await Population.connect({ broker, redis, people, friends, qos, codeFor });
  const steps: MeasuredStep[] = [];
  try {
    const generator = new LoadGenerator(population, system.alsoExpected);
    progress.show(`${name}: ${people} phones get their profiles`);
    await generator.seed();
    const [slowest = 100] = options.rates;
    await generator.run({ rate: slowest, durationMs: 2_000, arrivals, mix }, progress.show);
    progress.clear();
    console.log(`\n${name}\n  ${columns.join('  ')}`);
    for (const rate of options.rates) {
      const run = generator.run.bind(generator, { rate, durationMs, arrivals, mix }, progress.show);
      const { result, cores } = await measureCores(system, run);
      const step = { ...summaryOf(result, rate), cores };
      steps.push(step);
      progress.clear();
      console.log(rowOf(step, maxP99Ms));
      if (step.unanswered > 0 || steps.slice(-2).filter((point) => !keepsUp(point, maxP99Ms)).length === 2)
        break;
    }
  } finally {
    population.leave();
  }
  const saturation = saturationOf(steps, maxP99Ms);
  const found =
    saturation && `saturation: ${saturation.rate} requests/s, p99 ${saturation.p99Ms.toFixed(1)} ms`;
  console.log(`  ${found ?? 'no saturation: the lowest rate was too much'}`);
  return { name, steps };
}

async function measureCores(
  system: System,
  run: () => Promise<StepResult>,
): Promise<{ result: StepResult; cores: CpuSeconds }> {
  const used = await startMeter(system);
  const start = performance.now();
  const result = await run();
  const cores = await used((performance.now() - start) / 1000);
  return { result, cores };
}

function summaryOf(result: StepResult, rate: number): Omit<MeasuredStep, 'cores'> {
  const { latency, lateness, offered, answered, answeredInTime, wrong, results } = result;
  const ms = (percentile: number): number => latency.getValueAtPercentile(percentile) / 1000;
  return {
    rate,
    // Arrivals are random: the actual number of due requests differs a little from the rate.
    answered: (answeredInTime / Math.max(1, offered)) * rate,
    p50Ms: ms(50),
    p90Ms: ms(90),
    p99Ms: ms(99),
    p999Ms: ms(99.9),
    maxMs: latency.maxValue / 1000,
    unanswered: offered - answered,
    wrong,
    latenessP99Ms: lateness.getValueAtPercentile(99) / 1000,
    results: Object.fromEntries([...results].sort()),
  };
}

const columns = [
  ...['due/s', 'answered/s', 'p50 ms', '   p90', '   p99', ' p99.9', '  most', 'late p99'],
  ...['cores: workers', 'broker', 'Redis', 'phones'],
];

function rowOf(step: MeasuredStep, maxP99Ms: number): string {
  const { cores } = step;
  const times = [step.p50Ms, step.p90Ms, step.p99Ms, step.p999Ms, step.maxMs, step.latenessP99Ms];
  const cells = [
    String(step.rate),
    step.answered.toFixed(0),
    ...times.map((ms) => ms.toFixed(1)),
    ...[cores.workers, cores.broker, cores.redis, cores.load].map((used) =>
      Number.isNaN(used) ? '–' : used.toFixed(2),
    ),
  ];
  const notes = [
    ...(step.unanswered > 0 ? [`${step.unanswered} unanswered`] : []),
    ...(step.wrong > 0 ? [`${step.wrong} WRONG`] : []),
    ...(keepsUp(step, maxP99Ms) ? [] : ['does not keep up']),
  ];
  const padded = cells.map((cell, index) => cell.padStart(columns[index]?.length ?? 0));
  return `  ${padded.join('  ')}  ${notes.join(', ')}`.trimEnd();
}
