import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
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

test('each alert is raised in a test, has a severity, and is explained in docs/operations.md', () => {
  assert.ok(rules.length > 10);
  const raised = read('alerts.test.yml');
  const documented = readFileSync(`${folder}../../docs/operations.md`, 'utf8');
  for (const { alert, labels, annotations } of rules) {
    assert.ok(raised.includes(`ALERTS{alertname="${alert}", alertstate="firing"`), alert);
    assert.match(labels.severity ?? '', /^(critical|warning)$/);
    assert.deepEqual(Object.keys(annotations).sort(), ['description', 'summary']);
    assert.ok(documented.includes(`| \`${alert}\` |`), `${alert} is documented`);
  }
});
