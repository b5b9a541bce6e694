/**
 * `npm run flood`: what others notice of a client that does its worst, one row a resource.
 *
 * Each row has a system of its own: the broker as in production, Redis, mail server, STS, and two workers with default
 * limits. Twenty honest phones send 200 `get` a second by a schedule, from a process of their own. First while the attackers
 * are connected, have stored what they attack with, and say nothing: that is the calm. Then while they attack.
 *
 * The attackers run in a process of their own on the same machine. Their packets lie ready and the process yields to all
 * others (nice 19); the table says what it used, because on few cores that is taken from the system. The row `control`
 * attacks nothing: its ratio is what the machine's other work makes of two calms. Attackers, neighbours,
 * mail server and STS are not measured: the memory is that of the broker, of Redis, and of the worker that grows most.
 */
import { parseArgs } from 'node:util';
import { openProgress } from '../progress.ts';
import { describeMachine, machineLine } from '../report.ts';
import { control, rowNamed, rows } from './rows.ts';
import { goals, type RowResult, runRow } from './run.ts';
import { headLine, rowLine } from './table.ts';

const usage = `npm run flood -- [OPTION]... [ROW]...

  --quick        calm and attack of 3 seconds each, instead of 10; the figures are rough
  --seconds 10   how long calm and attack are measured
  --clients N    so many attackers in each row, instead of its own number
  --json         prints one JSON document instead of the table, and its progress on stderr
  --help

  ROW    one of those below; without a name all are run
${[control, ...rows].map(({ name, does }) => `         ${name.padEnd(14)}${does}`).join('\n')}

Goals: the others' p99 at most ${goals.ratio} times that of the calm, all of them answered with a profile, and no more than
${goals.megabytes} MB above the calm in the broker, in Redis and in each worker. The exit code is 1 if one is missed.`;

class UsageError extends Error {}

function readArguments() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        seconds: { type: 'string' },
        clients: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    const seconds = Number(values.seconds ?? (values.quick ? 3 : 10));
    if (!(seconds > 0)) throw new Error(`--seconds ${values.seconds} is no number above 0`);
    const clients = values.clients === undefined ? undefined : Number(values.clients);
    if (clients !== undefined && !(Number.isInteger(clients) && clients > 0))
      throw new Error(`--clients ${values.clients} is no number above 0`);
    const chosen = positionals.length > 0 ? positionals.map(rowNamed) : [control, ...rows];
    return { ...values, seconds, chosen: chosen.map((row) => ({ ...row, ...(clients && { clients }) })) };
  } catch (error) {
    throw new UsageError((error instanceof Error ? error.message : String(error)).split('\n')[0]);
  }
}

async function run(): Promise<void> {
  const { help, quick, json, seconds, chosen } = readArguments();
  if (help) return console.log(usage);
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
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
