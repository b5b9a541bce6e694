import type { StepResult } from './run.ts';

/** A plan as it went at one broker. */
export interface PlanResult {
  readonly plan: string;
  /** Host and port. */
  readonly broker: string;
  readonly seconds: number;
  readonly steps: readonly StepResult[];
}

export function hasFailed({ steps }: PlanResult): boolean {
  return steps.some(({ outcome }) => outcome === 'failed');
}

/** The results for scripts. */
export function jsonReport(results: readonly PlanResult[]): string {
  return JSON.stringify({
    passed: !results.some(hasFailed),
    plans: results.map(({ steps, ...plan }) => ({
      ...plan,
      passed: !hasFailed({ steps, ...plan }),
      steps: steps.map(({ name, outcome, milliseconds = null, fault = null }) => ({
        name,
        outcome,
        milliseconds,
        fault,
      })),
    })),
  });
}

/** The results as JUnit writes them, which CI servers show: a suite for each plan, a case for each step. */
export function junitReport(results: readonly PlanResult[]): string {
  const suites = results.map(({ plan, broker, seconds, steps }) => {
    const count = (outcome: StepResult['outcome']) => steps.filter((step) => step.outcome === outcome).length;
    const counts = `tests="${steps.length}" failures="${count('failed')}" skipped="${count('skipped')}"`;
    const cases = steps.map((step) => `    ${caseOf(step, plan)}`);
    const head = `<testsuite name="${inXml(plan)}" hostname="${inXml(broker)}" ${counts} time="${seconds.toFixed(3)}">`;
    return `  ${head}\n${cases.join('\n')}\n  </testsuite>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('\n')}\n</testsuites>\n`;
}

function caseOf({ name, outcome, milliseconds = 0, fault = '' }: StepResult, plan: string): string {
  const head = `<testcase name="${inXml(name)}" classname="${inXml(plan)}" time="${(milliseconds / 1000).toFixed(4)}"`;
  if (outcome === 'passed') return `${head}/>`;
  if (outcome === 'skipped') return `${head}><skipped/></testcase>`;
  const [first = ''] = fault.split('\n');
  return `${head}><failure message="${inXml(first)}">${inXml(fault)}</failure></testcase>`;
}

/** XML 1.0 has no way to write most control characters. */
function inXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is replaced
  const clean = text.replaceAll(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '?');
  return clean.replaceAll(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
