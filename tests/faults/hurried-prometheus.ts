/** The real Prometheus with the alert rules of deploy/prometheus, where two and a half minutes pass in a second. */
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Server } from '../../dev/servers/process.ts';
import { askPrometheus, startPrometheus } from '../harness/prometheus.ts';

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
}

const file = new URL('../../deploy/prometheus/alerts.yml', import.meta.url);

interface RuleFile {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
}

const shipped = parse(readFileSync(file, 'utf8')) as RuleFile;

export const rules: readonly Rule[] = shipped.groups.flatMap(({ rules: some }) => some);

const hurry = 150;

const seconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

const shorter = (duration: string): string => {
  const [, count = '0', unit = 's'] = /^(\d+)([smh])$/.exec(duration) ?? [];
  return `${Math.ceil((Number(count) * (seconds[unit] ?? 1) * 1000) / hurry)}ms`;
};

/** The same rule for a hurried clock. A threshold that is an age in seconds shrinks too, durations of calls do not. */
export function hurried(rule: Rule): Rule {
  const expr = rule.expr
    .replace(/\[(\d+[smh])\]/g, (_, duration: string) => `[${shorter(duration)}]`)
    .replace(/(age_seconds > )(\d+)/, (_, before: string, age: string) => before + Number(age) / hurry);
  return { ...rule, expr, ...(rule.for !== undefined && { for: shorter(rule.for) }) };
}

/** Start it for workers at these addresses, `host:port`. */
export function startHurriedPrometheus(targets: readonly string[]): Promise<Server> {
  const groups = shipped.groups.map((group) => ({ ...group, rules: group.rules.map(hurried) }));
  // Long enough for the page of a worker that is late.
  return startPrometheus(targets, { groups }, '500ms');
}

interface Loaded {
  readonly groups: readonly {
    readonly rules: readonly { readonly name: string; readonly state: string }[];
  }[];
}

/** The names of the alerts that fire now. */
export async function firing(prometheus: Server): Promise<string[]> {
  const { groups } = await askPrometheus<Loaded>(prometheus, 'rules', {});
  return groups
    .flatMap(({ rules: some }) => some)
    .filter(({ state }) => state === 'firing')
    .map(({ name }) => name);
}
