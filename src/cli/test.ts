import { writeFile } from 'node:fs/promises';
import { Command } from 'commander';
import { type Connections, openConnections } from './connections.ts';
import { unwritable } from './files.ts';
import { differences } from './plan/compare.ts';
import { type Plan, readPlan } from './plan/plan.ts';
import { hasFailed, jsonReport, junitReport, type PlanResult } from './plan/reports.ts';
import { runPlan, type StepResult } from './plan/run.ts';
import { CliFault, type Colour, type Terminal } from './terminal.ts';

interface Options {
  readonly set: ReadonlyMap<string, string>;
  readonly mails?: string;
  readonly against?: string;
  readonly againstMails?: string;
  readonly keepGoing?: boolean;
  readonly junit?: string;
  readonly json?: boolean;
}

/** `profilectl test`: plans of requests, and what must come of them. */
export function testCommand(connections: Connections, terminal: Terminal): Command {
  return new Command('test')
    .description('do the steps of test plans, and say which came out as expected')
    .argument('<plan...>', 'YAML files; docs/qa.md explains them, `profilectl record` makes them')
    .option('--set <name=value>', 'a variable, instead of the plan’s; may be repeated', setting, new Map())
    .option(
      '--mails <url>',
      'where codes are read: Mailpit, or the mails of `npm run dev`; without it you are asked',
    )
    .option('--against <url>', 'do them at this broker too, and compare the answers')
    .option('--against-mails <url>', 'where the codes are read that are mailed for that broker')
    .option('--keep-going', 'go on after a step that failed')
    .option('--junit <path>', 'also write a report for CI servers')
    .option('--json', 'for scripts')
    .action((files: string[], options: Options) => test(files, options, connections, terminal))
    .addHelpText(
      'after',
      `
The clients of a plan need sessions, as those of \`npm run dev\` have. Redis is not asked.
Exit code 0 if all passed, 1 if a step failed or answers differ, 2 if a plan cannot be read, 78 if settings are missing.

Examples:
  $ profilectl test examples/plans/get.yaml
  $ profilectl test --mails http://127.0.0.1:8025 --junit report.xml examples/plans/*.yaml
  $ profilectl test --against mqtt://stage.example.org:1883 examples/plans/set.yaml`,
    );
}

function setting(text: string, others: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const [, name, value] = /^(\w+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new CliFault(`--set ${text} is not NAME=VALUE`, 2);
  return new Map([...others, [name, value]]);
}

async function test(
  files: readonly string[],
  options: Options,
  connections: Connections,
  terminal: Terminal,
): Promise<void> {
  // All are read before anything is sent.
  const plans = await Promise.all(files.map(readPlan));
  const results: PlanResult[] = [];
  for (const plan of plans) {
    const one = await runAt(plan, connections, options, terminal);
    results.push(one);
    if (options.against === undefined) continue;
    const elsewhere = openConnections({ ...process.env, MQTT_URL: options.against, MQTT_URL_FILE: '' });
    const other = await runAt(plan, elsewhere, { ...options, mails: options.againstMails }, terminal);
    results.push(compared(one, other, options, terminal));
  }
  if (options.json) terminal.print(jsonReport(results));
  const { junit } = options;
  if (junit !== undefined)
    await writeFile(junit, junitReport(results)).catch((error: unknown) => unwritable(junit, error));
  const all = results.flatMap(({ steps }) => steps);
  const passed = all.filter(({ outcome }) => outcome === 'passed').length;
  terminal.note(`${passed} of ${all.length} steps passed`);
  if (results.some(hasFailed)) throw new CliFault('not all passed');
}

async function runAt(
  plan: Plan,
  connections: Connections,
  { set, mails, keepGoing = false, json }: Omit<Options, 'mails'> & { readonly mails?: string | undefined },
  terminal: Terminal,
): Promise<PlanResult> {
  const [url = ''] = connections.brokerSettings.mqtt.urls;
  const broker = new URL(url).host;
  const started = performance.now();
  if (!json) terminal.print(terminal.paint('bold', `${plan.name ?? plan.file} at ${broker}`));
  const onStep = (step: StepResult): void => {
    if (!json) for (const line of linesOf(step, terminal)) terminal.print(line);
  };
  const steps = await runPlan(plan, connections, { set, mails, keepGoing, onStep });
  return { plan: plan.file, broker, seconds: (performance.now() - started) / 1000, steps };
}

const colours: Record<StepResult['outcome'], Colour> = { passed: 'green', failed: 'red', skipped: 'dim' };

function linesOf({ name, outcome, milliseconds, fault }: StepResult, terminal: Terminal): string[] {
  const time = milliseconds === undefined ? '' : terminal.paint('dim', `  ${milliseconds} ms`);
  const head = `  ${terminal.paint(colours[outcome], outcome.padEnd(7))}  ${name}${time}`;
  return [head, ...(fault?.split('\n').map((line) => `           ${line}`) ?? [])];
}

/** The result of the second broker; a step whose answers differ from those of the first has failed. */
function compared(one: PlanResult, other: PlanResult, { json }: Options, terminal: Terminal): PlanResult {
  const steps = other.steps.map((step, index) => {
    const counterpart = one.steps[index];
    const both = counterpart?.outcome === 'passed' && step.outcome === 'passed';
    const found = both ? differences(counterpart, step) : [];
    if (found.length === 0) return step;
    const result = {
      ...step,
      outcome: 'failed' as const,
      fault: ['the brokers differ', ...found].join('\n'),
    };
    if (!json) for (const line of linesOf(result, terminal)) terminal.print(line);
    return result;
  });
  return { ...other, steps };
}
