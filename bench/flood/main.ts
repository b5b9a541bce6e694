/**
 * `npm run flood`: what others notice of a client that does its worst, one row a resource.
 *
 * Each row has a system of its own: the broker as in production, Redis, mail server, STS, and two workers with default
 * limits. Twenty honest phones send 200 `get` a second by a schedule, from a process of their own. First while the attackers
 * are connected, have stored what they attack with, and say nothing: that is the calm. Then while they attack. Each lasts a
 * minute, because an attack begins with the burst that limits allow: in a short row the p99 is that burst alone.
 *
 * The attackers run in a process of their own on the same machine. Their packets lie ready and the process yields to all
 * others (nice 19); the table says what it used, because on few cores that is taken from the system. The row `control`
 * attacks nothing: its ratio is what the machine's other work makes of two calms. Attackers, neighbours,
 * mail server and STS are not measured: the memory is that of the broker, of Redis, and of the worker that grows most.
 */
import { parseArgs } from 'node:util';
import { checkArguments } from '../../dev/arguments.mjs';
import { openProgress } from '../progress.ts';
import { describeMachine, machineLine } from '../report.ts';
import { control, rowNamed, rows } from './rows.ts';
import { goals, type RowResult, runRow } from './run.ts';
import { headLine, rowLine } from './table.ts';

checkArguments('flood');

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      clients: { type: 'string' },
      json: { type: 'boolean', default: false },
    },
  });
  const clients = values.clients === undefined ? undefined : Number(values.clients);
  const chosen = positionals.length > 0 ? positionals.map(rowNamed) : [control, ...rows];
  return {
    ...values,
    seconds: Number(values.seconds ?? (values.quick ? 3 : 60)),
    chosen: chosen.map((row) => ({ ...row, ...(clients && { clients }) })),
  };
}

async function run(): Promise<void> {
  const { quick, json, seconds, chosen } = readArguments();
  const machine = describeMachine();
  const quiet = { show: (text: string) => console.error(text), clear: () => undefined };
  const progress = json ? quiet : openProgress();
  if (!json) console.log(`${machineLine(machine)}\n${headLine()}`);
  const results: RowResult[] = [];
  for (const row of chosen) {
    const result = await runRow(row, { seconds, warmUpSeconds: quick ? 1 : 4, progress: progress.show });
    results.push(result);
    progress.clear();
    if (!json) console.log(rowLine(result));
  }
  if (json) console.log(JSON.stringify({ machine, seconds, goals, rows: results }, undefined, 2));
  if (results.some(({ missed }) => missed.length > 0)) process.exitCode = 1;
}

try {
  await run();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
