// `npm run bench`; what it takes stands in dev/scripts.mjs.
import { parseArgs } from 'node:util';
import { checkArguments } from '../dev/arguments.mjs';
import { benchChanges } from './changes.ts';
import { benchCold } from './cold.ts';
import { benchContacts } from './contacts.ts';
import type { BenchOptions } from './contest.ts';
import { benchEtf } from './etf.ts';
import { benchFanOut } from './fan-out.ts';
import { benchGet, benchNestjs } from './get.ts';
import { benchGrowth } from './growth.ts';
import { benchLimits } from './limits.ts';
import { benchPrices } from './prices.ts';
import { benchProcess } from './process.ts';
import { openProgress } from './progress.ts';
import { describeMachine, keepResults, machineLine } from './report.ts';
import { benchCosts } from './simulation/measure.ts';
import { isReached, type Section, tableLines } from './table.ts';
import { benchTraces } from './traces.ts';

checkArguments('bench');

type Benchmark = (options: BenchOptions) => Promise<readonly Section[]>;

const benchmarks = new Map<string, Benchmark>([
  ['get', benchGet],
  ['changes', benchChanges],
  ['cold', benchCold],
  ['limits', benchLimits],
  ['contacts', benchContacts],
  ['fan-out', benchFanOut],
  ['growth', benchGrowth],
  ['process', benchProcess],
  ['etf', benchEtf],
  ['nestjs', benchNestjs],
  ['traces', benchTraces],
  ['costs', benchCosts],
  ['prices', benchPrices],
]);

/** Runs without a name. */
const all = [...benchmarks.keys()].filter((name) => !['nestjs', 'traces', 'costs', 'prices'].includes(name));

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      build: { type: 'string', multiple: true, default: [] },
    },
  });
  const builds = new Map(
    values.build.map((build) => {
      const [, name, file] = /^([^=]+)=(.+)$/.exec(build) ?? [];
      if (name === undefined || file === undefined) throw new Error(`--build ${build} is not NAME=FILE`);
      return [name, file] as const;
    }),
  );
  return { ...values, builds, names: positionals.length > 0 ? positionals : all };
}

async function run(): Promise<void> {
  const { quick, builds, names } = readArguments();
  const start = new Date();
  const machine = describeMachine();
  const progress = openProgress();
  console.log(`${machineLine(machine)}\nMedians of all rounds, the middle half of them in brackets.`);
  const sections: Section[] = [];
  for (const name of names) {
    const measured = (await benchmarks.get(name)?.({ quick, builds, progress: progress.show })) ?? [];
    progress.clear();
    for (const section of measured) console.log(`\n${tableLines(section).join('\n')}`);
    sections.push(...measured);
  }
  const files = await keepResults(sections, { machine, quick, start });
  console.log(`\nKept in ${files.join(' and ')}`);
  const missed = sections.flatMap(({ goals = [] }) => goals).filter((goal) => !isReached(goal));
  if (missed.length > 0) console.log(`${missed.length} goal(s) missed.`);
}

try {
  await run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
