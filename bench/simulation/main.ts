/** `npm run simulate`: what a messenger of a hundred million phones needs, from measured costs and stated assumptions. */
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openProgress } from '../progress.ts';
import { describeMachine, machineLine } from '../report.ts';
import { changeAssumption, readAssumptions } from './assumptions.ts';
import { readCosts } from './costs.ts';
import { measureCosts } from './measure.ts';
import { outcomeLines, simulate } from './simulate.ts';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

const usage = `npm run simulate -- [OPTION]...

  --set NAME=NUMBER            change an assumption: --set contacts=20 --set perDay.get=4
  --set NAME=LOW..LIKELY..HIGH   what is not known
  --assumptions FILE           default bench/simulation/assumptions.json, where all names stand
  --costs FILE                 default bench/simulation/costs.json
  --runs 2000 --seed 1         how many worlds are drawn, and which
  --measure                    measure the costs anew on this machine (Linux, two minutes) and keep them in the file`;

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      set: { type: 'string', multiple: true, default: [] },
      assumptions: { type: 'string', default: here('assumptions.json') },
      costs: { type: 'string', default: here('costs.json') },
      runs: { type: 'string', default: '2000' },
      seed: { type: 'string', default: '1' },
      measure: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(usage);
  if (values.measure) {
    const progress = openProgress();
    const costs = await measureCosts(machineLine(describeMachine()), progress.show);
    progress.clear();
    await writeFile(values.costs, `${JSON.stringify(costs, undefined, 2)}\n`);
  }
  const costs = readCosts(await readFile(values.costs, 'utf8'));
  const assumptions = values.set.reduce(
    changeAssumption,
    readAssumptions(await readFile(values.assumptions, 'utf8')),
  );
  const options = { runs: Number(values.runs), seed: Number(values.seed) };
  console.log(`Costs by ${costs.command} on ${costs.machine}\n`);
  const own = simulate(assumptions, costs, { ...options, routing: 'own' });
  const all = simulate(assumptions, costs, { ...options, routing: 'all' });
  console.log(outcomeLines('notices to the own broker', own).join('\n'));
  console.log(`\n${outcomeLines('notices to all brokers', all).join('\n')}`);
}

try {
  await run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
