/** A real Prometheus scrapes a real worker: alerts and dashboards use existing metrics. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { parse } from 'yaml';
import { eventually, startHarness } from '../../harness/harness.ts';
import { askPrometheus, startPrometheus } from '../../harness/prometheus.ts';
import { profile } from '../../harness/terms.ts';

const read = (path: string) => readFileSync(new URL(`../../../deploy/${path}`, import.meta.url), 'utf8');

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }[];
}
interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

const alerts = (parse(read('prometheus/alerts.yml')) as Rules).groups
  .flatMap(({ rules }) => rules)
  .map(({ alert, expr }) => ({ name: `the alert ${alert}`, expr }));
const panels = (JSON.parse(read('grafana/dashboards/profile-worker.json')) as Dashboard).panels.flatMap(
  ({ title, targets = [] }) =>
    targets.map(({ expr }) => ({
      name: `the panel "${title}"`,
      expr: expr.replaceAll('$__rate_interval', '1m'),
    })),
);

/** The selectors in an expression: each name that is not a function, a word of PromQL or a label, with its labels. */
function selectorsIn(expression: string): string[] {
  const bare = expression
    .replace(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, '')
    .replace(/\[\w+\]|\boffset \w+/g, '');
  const names = bare.matchAll(/(?<![\w"])([a-zA-Z_:][\w:]*)(\{[^}]*\})?(?!\s*\(|[\w:]|=)/g);
  return [...names].map(([selector]) => selector).filter((one) => !/^(and|or|unless|bool)$/.test(one));
}

// With MQTT_DYNAMIC_SECURITY the worker has more metrics.
const harness = await startHarness({ settings: { MQTT_DYNAMIC_SECURITY: 'on' } });
const prometheus = await startPrometheus([new URL(harness.worker.process.url).host]);
after(async () => {
  await prometheus.stop();
  await harness.stop();
});

type Vector = { result: { value: [time: number, value: string] }[] };

test("Prometheus reads the worker's metrics, and counts the phones' requests", async () => {
  const phone = await harness.phone();
  for (let count = 0; count < 3; count++) await phone.ask(profile({ phone: phone.number, status: 'get' }));
  const query = 'profile_requests_total{kind="get",result="not_found",lane="fast",job="profile-worker"}';
  await eventually('3 requests are counted', async () => {
    const { result } = await askPrometheus<Vector>(prometheus, 'query', { query });
    return result[0]?.value[1] === '3';
  });
});

test('promtool finds no fault in names, types and helps of the metrics', async () => {
  const { body } = await harness.worker.page('/metrics');
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
    input: body,
    encoding: 'utf8',
  });
  assert.equal(`${stdout}${stderr}`, '');
  assert.equal(status, 0);
});

test('the selectors of an expression are found', () => {
  assert.deepEqual(
    selectorsIn('sum by (le, a) (rate(x_total{a!="(b) c", d="e"}[5m])) / y > 0.1 or absent(z offset 1h)'),
    ['x_total{a!="(b) c", d="e"}', 'y', 'z'],
  );
});

describe('every query is valid, and each of its metrics exists with the labels it names', () => {
  for (const { name, expr } of [...alerts, ...panels]) {
    test(`${name}: ${expr}`, async () => {
      await askPrometheus(prometheus, 'query', { query: expr });
      const selectors = selectorsIn(expr);
      assert.ok(selectors.length > 0);
      for (const selector of selectors) {
        await eventually(`there is a series of ${selector}`, async () => {
          const found = await askPrometheus<object[]>(prometheus, 'series', { 'match[]': selector });
          return found.length > 0;
        });
      }
    });
  }
});

test('Prometheus evaluates all alerts, and a healthy worker raises none', async () => {
  type Loaded = {
    groups: { rules: { name: string; health: string; state: string; lastError?: string }[] }[];
  };
  const rules = async () =>
    (await askPrometheus<Loaded>(prometheus, 'rules', {})).groups.flatMap((group) => group.rules);
  await eventually('all are evaluated', async () =>
    (await rules()).every(({ health }) => health !== 'unknown'),
  );
  const found = await rules();
  assert.equal(found.length, alerts.length);
  for (const { name, health, lastError } of found) assert.equal(health, 'ok', `${name}: ${lastError}`);
  assert.deepEqual(
    found.filter(({ state }) => state === 'firing').map(({ name }) => name),
    [],
  );
});
