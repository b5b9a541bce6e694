import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { assumptions } from '../../../bench/simulation/assumptions.ts';
import costs from '../../../bench/simulation/costs.json' with { type: 'json' };
import { changeAssumption, drawWorld, planFor, simulate } from '../../../bench/simulation/simulate.ts';

const document = readFileSync(new URL('../../../docs/scaling.md', import.meta.url), 'utf8');

/** Every assumption at its most likely value. */
const world = drawWorld(assumptions, () => 0.5);

/** The requests of the simulation; a later one has no measured cost. */
const kinds = ['aws', 'email', 'get', 'link', 'migrate', 'phone', 'remove', 'set', 'update'];

test('all nine requests have a cost, and a frequency', () => {
  assert.deepEqual(Object.keys(costs.requests).sort(), [...kinds].sort());
  const asked = Object.keys(assumptions).filter((name) => name.startsWith('perDay.'));
  assert.deepEqual(asked.sort(), kinds.map((kind) => `perDay.${kind}`).sort());
});

test('twice the phones need twice of everything, when notices go to the own broker', () => {
  const [one, two] = [planFor(world, costs), planFor({ ...world, phones: world.phones * 2 }, costs)];
  for (const [name, value] of Object.entries(one)) {
    if (name.includes('notices to all')) continue;
    // Machines come in whole numbers.
    const twice = two[name as keyof typeof two];
    assert.ok(Math.abs(twice - 2 * value) <= Math.max(2, twice * 0.01), name);
  }
});

test('a plan is the sum of its parts', () => {
  const onlyGets = Object.fromEntries(kinds.map((kind) => [`perDay.${kind}`, kind === 'get' ? 10 : 0]));
  const get = { workerMicros: 10_000, brokerMicros: 5_000, redisMicros: 1, redisCommands: 3 };
  const plan = planFor(
    { ...world, ...onlyGets, phones: 864_000, peakFactor: 2, coreSpeed: 1, utilisation: 0.5 },
    { ...costs, requests: { ...costs.requests, get } },
  );
  const { 'requests a second, busiest': requests, 'notices a second, busiest': notices } = plan;
  assert.deepEqual([requests, notices, plan['Redis, commands a second']], [200, 0, 600]);
  // 200 requests of 10 ms are two cores, half used; of 5 ms one.
  assert.deepEqual([plan['workers (a core each)'], plan.Mosquittos >= 2], [4, true]);
});

test('more contacts mean more notices, and coalescing means fewer', () => {
  const notices = (change: Partial<typeof world>) =>
    planFor({ ...world, ...change }, costs)['notices a second, busiest'];
  assert.ok(Math.abs(notices({ contacts: world.contacts * 3 }) / notices({}) - 3) < 1e-9);
  assert.ok(Math.abs(notices({}) / notices({ coalescing: 4 }) - 4) < 1e-9);
});

test('notices to all brokers cost more than those to the own one, and from some size on no number of brokers is enough', () => {
  const small = planFor({ ...world, phones: 500_000 }, costs);
  assert.ok(small['Mosquittos, notices to all'] >= small.Mosquittos);
  assert.ok(small['workers, notices to all brokers'] >= small['workers (a core each)']);
  const large = planFor({ ...world, phones: 1e9 }, costs);
  assert.equal(large['Mosquittos, notices to all'], Number.POSITIVE_INFINITY);
});

test('a drawn world lies within the ranges, most often near the most likely values', () => {
  const draws = Array.from(
    { length: 1_000 },
    (_, index) => drawWorld(assumptions, () => (index + 0.5) / 1_000).contacts,
  );
  const [low, likely, high] = assumptions.contacts;
  assert.ok(Math.min(...draws) >= low && Math.max(...draws) <= high);
  const near = draws.filter((contacts) => Math.abs(contacts - likely) < 10).length;
  assert.ok(near > draws.filter((contacts) => high - contacts < 20).length);
});

test('assumptions are changed by name, as a number or a range; unknown names and falling ranges are refused', () => {
  const draw = (text: string, part: number) => drawWorld(changeAssumption(assumptions, text), () => part);
  assert.deepEqual([draw('contacts=20', 0).contacts, draw('contacts=20', 0.9).contacts], [20, 20]);
  assert.deepEqual(changeAssumption(assumptions, 'perDay.get=1..2..3')['perDay.get'], [1, 2, 3]);
  const wrong = ['contacts', 'kontakts=1', 'perDay.fly=1', 'contacts=', 'contacts=-1'];
  for (const text of [
    ...wrong,
    'contacts=3..2..1',
    'contacts=1..2',
    'contacts=..1..2',
    'contacts=1..2..3..4',
  ])
    assert.throws(() => changeAssumption(assumptions, text), /NAME=NUMBER/, text);
});

test('docs/scaling.md shows the output of npm run simulate', () => {
  assert.ok(document.includes(simulate(assumptions, costs).join('\n')));
  const million = simulate(changeAssumption(assumptions, 'phones=1000000'), costs);
  const brokers = million.find((line) => line.startsWith('Mosquittos, notices to all'));
  assert.ok(document.includes(`${brokers?.match(/\d+/g)?.join(' / ')} brokers`), brokers);
});

test('docs/scaling.md shows the costs that npm run simulate uses', () => {
  const row = (name: string, cost: typeof costs.requests.get): string => {
    const micros = [cost.workerMicros, cost.brokerMicros, cost.redisMicros].map(Math.round);
    return `| ${[name, ...micros, cost.redisCommands].join(' | ')} |`;
  };
  for (const [kind, cost] of Object.entries(costs.requests))
    assert.ok(document.includes(row(`\`${kind}\``, cost)), kind);
  assert.ok(document.includes(row('`update`, for each mutual contact', costs.contact)));
  const { profile, contact, broker } = costs;
  for (const bytes of [profile.storedBytes, contact.storedBytes, profile.answerBytes, contact.answerBytes])
    assert.ok(document.includes(` ${bytes.toLocaleString('en')} `), `${bytes}`);
  assert.ok(document.includes(`| ${broker.connectionBytes.toLocaleString('en')} bytes without TLS`));
  for (const micros of [broker.connectMicros, broker.noticeMicros, broker.strayNoticeMicros])
    assert.ok(document.includes(`| ${micros} µs`), `${micros}`);
});
