import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const folder = fileURLToPath(new URL('../../../deploy/prometheus/', import.meta.url));
const read = (path: string) => readFileSync(`${folder}${path}`, 'utf8');

interface Rule {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
const rules = parse(read('alerts.yml')).groups.flatMap((group: { rules: Rule[] }) => group.rules) as Rule[];

function promtool(...words: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('promtool', words, { cwd: folder, encoding: 'utf8' });
  return { status, output: `${stdout}${stderr}` };
}

for (const words of [
  ['check', 'config', 'prometheus.yml'],
  ['check', 'rules', '--lint=all', '--lint-fatal', 'alerts.yml'],
  ['test', 'rules', 'alerts.test.yml'],
]) {
  test(`promtool ${words.join(' ')} finds no fault`, () => {
    const { status, output } = promtool(...words);
    assert.equal(status, 0, output);
  });
}

test('each alert is raised in a test, has a severity, and leads to its section of the runbook', () => {
  assert.ok(rules.length > 10);
  const raised = read('alerts.test.yml');
  for (const { alert, labels, annotations } of rules) {
    assert.ok(raised.includes(`ALERTS{alertname="${alert}", alertstate="firing"`), alert);
    assert.match(labels.severity ?? '', /^(critical|warning)$/);
    assert.deepEqual(Object.keys(annotations).sort(), ['description', 'runbook_url', 'summary']);
    assert.equal(annotations.runbook_url, `docs/runbook.md#${alert.toLowerCase()}`);
  }
});

test('the runbook has a section for each alert and no other: what it means, three things to look at, what to do', () => {
  const runbook = readFileSync(`${folder}../../docs/runbook.md`, 'utf8');
  const sections = runbook.split(/^## /m).slice(1);
  assert.deepEqual(
    sections.map((section) => section.split('\n')[0]),
    rules.map(({ alert }) => alert),
  );
  for (const section of sections)
    assert.match(section, /^\w+\n\n\*\*Means\.\*\* .*?\n\n1\. .*\n2\. .*\n3\. .*\n\n\*\*Do\.\*\* \S/s);
});

test('each metric and setting that the runbook names exists, and so does each line of the log', () => {
  const runbook = readFileSync(`${folder}../../docs/runbook.md`, 'utf8');
  const documented = readFileSync(`${folder}../../docs/operations.md`, 'utf8');
  for (const [metric] of runbook.matchAll(/\bprofile_\w+/g)) assert.ok(documented.includes(metric), metric);
  const settings = readFileSync(`${folder}../../.env.example`, 'utf8');
  for (const [, name = ''] of runbook.matchAll(/`([A-Z]+_[A-Z_]+)`/g))
    assert.match(settings, new RegExp(`^#?${name}=`, 'm'), name);
  const source = `${folder}../../src/`;
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const sources = files.map((name) => readFileSync(`${source}${name}`, 'utf8')).join('');
  const lines = [...runbook.matchAll(/log's lines? `([^`]+)`/g)].map(([, line = '']) => line);
  assert.ok(lines.length > 4);
  for (const line of lines) assert.ok(sources.includes(line), line);
});
