import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { changeAssumption, drawWorld, readAssumptions } from '../../../bench/simulation/assumptions.ts';
import { readCosts } from '../../../bench/simulation/costs.ts';
import { planFor } from '../../../bench/simulation/plan.ts';
import { outcomeLines, simulate } from '../../../bench/simulation/simulate.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string) => readFileSync(`${root}${path}`, 'utf8');
const costs = readCosts(read('bench/simulation/costs.json'));
const assumptions = readAssumptions(read('bench/simulation/assumptions.json'));

/** Everything at its middle. */
const world = drawWorld(assumptions, () => 0.5);
const options = { runs: 500, seed: 7, routing: 'own' } as const;

test('twice the phones need twice of everything, when notices go to the own broker', () => {
  const [one, two] = [
    planFor(world, costs, 'own'),
    planFor({ ...world, phones: world.phones * 2 }, costs, 'own'),
  ];
  for (const name of Object.keys(one) as (keyof typeof one)[]) {
    // Machines are whole.
    assert.ok(Math.abs(two[name] - 2 * one[name]) <= Math.max(2, two[name] * 0.01), name);
  }
});

test('a plan is what its parts come to', () => {
  const plan = planFor(
    {
      ...world,
      phones: 864_000,
      peakFactor: 2,
      perDay: { ...only('get'), get: 10 },
      coreSpeed: 1,
      utilisation: 0.5,
    },
    {
      ...costs,
      requests: {
        ...costs.requests,
        get: { workerMicros: 10_000, brokerMicros: 5_000, redisMicros: 1, redisCommands: 3 },
      },
    },
    'own',
  );
  assert.deepEqual([plan.peakRequests, plan.peakNotices, plan.redisCommands], [200, 0, 600]);
  // 200 requests of 10 ms are two cores, half used; of 5 ms one.
  assert.deepEqual([plan.workers, plan.brokers >= 2], [4, true]);
});

const only = (kind: string) =>
  Object.fromEntries(
    Object.keys(world.perDay).map((name) => [name, name === kind ? 1 : 0]),
  ) as typeof world.perDay;

test('more contacts mean more notices, and coalescing means fewer', () => {
  const notices = (change: Partial<typeof world>) =>
    planFor({ ...world, ...change }, costs, 'own').peakNotices;
  assert.ok(Math.abs(notices({ contacts: world.contacts * 3 }) / notices({}) - 3) < 1e-9);
  assert.ok(Math.abs(notices({}) / notices({ coalescing: 4 }) - 4) < 1e-9);
});

test('notices to all brokers cost more than those to the own one, and beyond some number no brokers are enough', () => {
  const small = { ...world, phones: 500_000 };
  assert.ok(planFor(small, costs, 'all').brokers >= planFor(small, costs, 'own').brokers);
  assert.equal(planFor({ ...world, phones: 1e9 }, costs, 'all').brokers, Number.POSITIVE_INFINITY);
});

test('the same seed draws the same worlds, another one others', () => {
  const [one, again] = [simulate(assumptions, costs, options), simulate(assumptions, costs, options)];
  assert.deepEqual(one, again);
  assert.notDeepEqual(one, simulate(assumptions, costs, { ...options, seed: 8 }));
});

test('outcomes lie in their order, and known assumptions draw no ranges', () => {
  for (const { low, median, high } of Object.values(simulate(assumptions, costs, options)))
    assert.ok(low <= median && median <= high);
  const phones = simulate(changeAssumption(assumptions, 'connectedShare=0.5'), costs, options).connections;
  assert.deepEqual(phones, { low: 50_000_000, median: 50_000_000, high: 50_000_000 });
});

test('a drawn world lies within the ranges, most often near what is most likely', () => {
  const draws = Array.from(
    { length: 1_000 },
    (_, place) => drawWorld(assumptions, () => (place + 0.5) / 1_000).contacts,
  );
  const [low, likely, high] = assumptions.contacts as [number, number, number];
  assert.ok(Math.min(...draws) >= low && Math.max(...draws) <= high);
  const near = draws.filter((contacts) => Math.abs(contacts - likely) < 10).length;
  assert.ok(near > draws.filter((contacts) => high - contacts < 20).length);
});

test('assumptions are changed by name, as a number or a range; other names and ranges upside down are refused', () => {
  assert.equal(changeAssumption(assumptions, 'contacts=20').contacts, 20);
  assert.deepEqual(changeAssumption(assumptions, 'perDay.get=1..2..3').perDay.get, [1, 2, 3]);
  for (const text of [
    'contacts',
    'kontakts=1',
    'perDay.fly=1',
    'contacts=3..2..1',
    'contacts=1..2',
    'contacts=-1',
  ])
    assert.throws(() => changeAssumption(assumptions, text), Error, text);
});

test('docs/scaling.md shows what npm run simulate prints', () => {
  const document = read('docs/scaling.md');
  for (const [routing, title] of [
    ['own', 'notices to the own broker'],
    ['all', 'notices to all brokers'],
  ] as const) {
    const outcomes = simulate(assumptions, costs, { runs: 2_000, seed: 1, routing });
    assert.ok(document.includes(outcomeLines(title, outcomes).join('\n')), title);
  }
});
