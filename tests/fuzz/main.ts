/** `npm run fuzz`: reads random inputs, guided by coverage, and reports the results; dev/scripts.mjs has its options. */
import { parseArgs } from 'node:util';
import { checkArguments } from '../../dev/arguments.mjs';
import { readCorpus, writeCorpus } from './corpus.ts';
import { type FuzzReport, fuzz } from './fuzzer.ts';
import { targets } from './targets.ts';

checkArguments('fuzz');
const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true, default: Object.keys(targets) },
    executions: { type: 'string', default: '3500000' },
    seconds: { type: 'string', default: '1200' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    keep: { type: 'boolean', default: false },
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const line = (
  name: string,
  { executions, seconds, blocks, corpus, slowestMs, peakMegabytes }: FuzzReport,
): string =>
  `${name.padEnd(8)} ${executions.toLocaleString('en')} executions in ${seconds.toFixed(0)} s, ` +
  `${blocks} blocks, ${corpus.length} inputs kept, slowest ${slowestMs.toFixed(1)} ms, ${peakMegabytes.toFixed(0)} MB, `;

let total = 0;
print(`seed ${values.seed}`);
for (const [name, target] of Object.entries(targets)) {
  if (!values.target.includes(name)) continue;
  let reportedAt = performance.now();
  const report = await fuzz(target, {
    seed: Number(values.seed),
    executions: Number(values.executions),
    seconds: Number(values.seconds),
    corpus: readCorpus(name),
    onProgress: (now) => {
      if (performance.now() - reportedAt < 10_000) return;
      reportedAt = performance.now();
      print(`  ${line(name, now)}…`);
    },
  });
  total += report.executions;
  print(`${line(name, report)}${report.findings.length} findings`);
  for (const { input, cause } of report.findings)
    print(`  ${cause}\n    ${input.toString('base64').slice(0, 4_000)}`);
  if (report.findings.length > 0) process.exitCode = 1;
  if (values.keep) writeCorpus(name, report.corpus);
}
print(`${total.toLocaleString('en')} executions`);
