import { type Assumptions, drawWorld } from './assumptions.ts';
import type { Costs } from './costs.ts';
import { type NoticeRouting, type Plan, planFor } from './plan.ts';

/** A figure over all worlds: one in ten is below `low`, one in ten above `high`. */
export interface Outcome {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

export type Outcomes = Readonly<Record<keyof Plan, Outcome>>;

/** Draw worlds and plan for each. The same seed draws the same ones. */
export function simulate(
  assumptions: Assumptions,
  costs: Costs,
  { runs, seed, routing }: { runs: number; seed: number; routing: NoticeRouting },
): Outcomes {
  const random = randomFrom(seed);
  const plans = Array.from({ length: runs }, () => planFor(drawWorld(assumptions, random), costs, routing));
  const [first] = plans;
  if (first === undefined) throw new Error('at least one run is needed');
  return Object.fromEntries(
    Object.keys(first).map((name) => [name, outcomeOf(plans.map((plan) => plan[name as keyof Plan]))]),
  ) as Outcomes;
}

function outcomeOf(values: readonly number[]): Outcome {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.round((sorted.length - 1) * part)] ?? Number.NaN;
  return { low: at(0.1), median: at(0.5), high: at(0.9) };
}

/** mulberry32: uniform in [0, 1). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const rows: readonly (readonly [keyof Plan, string, string])[] = [
  ['peakRequests', 'requests a second, busiest', ''],
  ['peakNotices', 'notices a second, busiest', ''],
  ['connections', 'phones connected, busiest', ''],
  ['workers', 'workers (a core each)', ''],
  ['redisGigabytes', 'Redis, GB of data', ''],
  ['redisCommands', 'Redis, commands a second', ''],
  ['redisMasters', 'Redis, masters', ''],
  ['brokers', 'Mosquittos', ''],
  ['trafficTerabytes', 'traffic to phones, TB a month', ''],
  ['workersCost', 'workers, a month', '$'],
  ['redisCost', 'Redis, a month', '$'],
  ['brokersCost', 'brokers, a month', '$'],
  ['trafficCost', 'traffic, a month', '$'],
  ['cost', 'all, a month', '$'],
];

/** The outcomes as lines for a terminal: low, median, high. */
export function outcomeLines(title: string, outcomes: Outcomes): string[] {
  const cell = (value: number, unit: string): string =>
    (Number.isFinite(value) ? `${unit}${roundedText(value)}` : 'no number').padStart(15);
  return [
    `${title.padEnd(32)}${'1 in 10 below'.padStart(15)}${'median'.padStart(15)}${'1 in 10 above'.padStart(15)}`,
    ...rows.map(([name, label, unit]) => {
      const { low, median, high } = outcomes[name];
      return `  ${label.padEnd(30)}${[low, median, high].map((value) => cell(value, unit)).join('')}`;
    }),
  ];
}

/** More than two digits would pretend to be knowledge. */
function roundedText(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 2 });
}
