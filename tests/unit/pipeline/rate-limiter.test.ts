/** The rate limit in one worker; tests/unit/pipeline/rate-limiter-properties.test.ts has several. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomFrom, Simulation, type SimulationOptions } from './rate-simulation.ts';

function open(options: Partial<SimulationOptions> = {}) {
  const settings = { workers: 1, rate: 10, burst: 20, maxDelay: 5, random: randomFrom(1), ...options };
  const simulation = new Simulation(settings);
  const [limiter] = simulation.limiters;
  assert.ok(limiter);
  /** How many of these requests are allowed. */
  const ask = (client: string, count: number, units = 1): number => {
    let letIn = 0;
    for (let asked = 0; asked < count; asked++) if (simulation.ask(0, client, { units })) letIn++;
    return letIn;
  };
  return { simulation, limiter, ask };
}

test('a client may send its burst at once, and then its rate', async () => {
  const { simulation, ask } = open();
  assert.equal(ask('a', 50), 20);
  await simulation.passTo(1_000);
  assert.equal(ask('a', 50), 10);
  assert.equal(ask('b', 50), 20, 'others are not touched');
});

test('with a rate of 0 nobody is limited', () => {
  assert.equal(open({ rate: 0 }).ask('a', 10_000), 10_000);
});

test('a request may cost more or less than one; one above the burst needs a full bucket', async () => {
  const { simulation, ask } = open();
  assert.equal(ask('a', 50, 4), 5);
  assert.equal(ask('b', 100, 0.25), 80);
  assert.equal(ask('c', 2, 50), 1);
  await simulation.passTo(3_000);
  assert.equal(ask('c', 1), 0, '50 are used, and 20 are in a full bucket');
  await simulation.passTo(3_200);
  assert.equal(ask('c', 1), 1);
  assert.equal(ask('c', 1, 50), 0);
});

test('work that is known later is refused to a client in debt; what its own request has left is none', () => {
  const { limiter } = open();
  const admissions = Array.from({ length: 4 }, () => limiter.admit('a', 1) ?? assert.fail());
  const spent = admissions.map((admission) => limiter.spend(admission, 15, 1));
  assert.deepEqual(spent, [true, true, false, false]);
  const large = limiter.admit('b', 50) ?? assert.fail();
  assert.ok(limiter.spend(large, 15, 50));
});

test('what was perhaps let in before is never refused, and leaves a debt of two minutes at most', async () => {
  const { simulation, limiter, ask } = open();
  for (let count = 0; count < 2_000; count++) limiter.settle(limiter.readmit('a', 1), 0);
  assert.equal(ask('a', 1), 0);
  await simulation.passTo(110_000);
  assert.equal(ask('a', 1), 0);
  await simulation.passTo(125_000);
  assert.ok(ask('a', 50) > 0);
});

test('a client with few requests is never reported to Redis', async () => {
  const { simulation, ask } = open({ rate: 50, burst: 500 });
  for (let minute = 1; minute <= 1_000; minute++) {
    await simulation.passTo(minute * 60_000);
    assert.equal(ask('quiet', 3), 3);
  }
  assert.equal(simulation.reports, 0);
});

test('a busy client costs at most one report in 50 ms', async () => {
  const { simulation } = open({ rate: 200, burst: 500 });
  for (let ms = 0; ms < 10_000; ms++) {
    await simulation.passTo(ms);
    simulation.ask(0, 'busy');
  }
  assert.ok(simulation.reports <= 10_000 / 50, `${simulation.reports} reports`);
});

test('without Redis each worker continues with its own bucket, and stores nothing for each request', async () => {
  const { simulation, ask } = open();
  simulation.isAway = true;
  assert.equal(ask('a', 50), 20);
  for (let second = 1; second <= 100; second++) {
    await simulation.passTo(second * 1_000);
    assert.equal(ask('a', 50), 10);
  }
  assert.ok(simulation.reports <= 102, `${simulation.reports} reports`);
});

test('many other clients do not refill the bucket of one that has used it up', async () => {
  const { simulation, ask } = open({ rate: 1, burst: 20, maxClients: 100 });
  assert.equal(ask('flood', 50), 20);
  for (let other = 0; other < 10_000; other++) {
    await simulation.passTo(other); // Ten seconds in total.
    ask(`other-${other % 5_000}`, 1);
  }
  assert.ok(ask('flood', 50) <= 10);
});

test('the use of a dropped client is reported first', async () => {
  const { simulation, ask } = open({ rate: 1, burst: 500, maxClients: 10 });
  assert.equal(ask('a', 3), 3);
  await simulation.passTo(4_000);
  for (let other = 0; other < 20; other++) ask(`other-${other}`, 1);
  await simulation.passTo(5_000);
  assert.ok(simulation.buckets.has('a'));
});

test('what a request turns out to cost is a debt: the next ones are refused until it is paid', async () => {
  const { simulation, limiter, ask } = open();
  const admission = limiter.admit('a', 1);
  assert.ok(admission);
  limiter.settle(admission, undefined);
  limiter.charge(admission, 49);
  assert.equal(ask('a', 5), 0);
  await simulation.passTo(3_000);
  assert.equal(ask('a', 5), 0, '50 are used, 30 refilled, and 20 are in a full bucket');
  await simulation.passTo(3_200);
  assert.equal(ask('a', 5), 2);
});

test('nobody is refused for more than two minutes, whatever was done on how many workers', async () => {
  const { simulation } = open({ workers: 8 });
  for (const limiter of simulation.limiters) {
    const admission = limiter.admit('a', 1);
    assert.ok(admission);
    limiter.charge(admission, 1e9);
  }
  await simulation.passTo(119_000);
  assert.ok([...simulation.limiters.keys()].every((worker) => !simulation.ask(worker, 'a')));
  await simulation.passTo(121_000);
  assert.ok([...simulation.limiters.keys()].every((worker) => simulation.ask(worker, 'a')));
});

test('requests that are handled at once are expected to cost what the last one did', () => {
  const { limiter, ask } = open();
  const first = limiter.admit('a', 1);
  assert.ok(first);
  limiter.settle(first, 5);
  assert.equal(ask('a', 50), 3, '14 units are left for 1, 1 + 5 and 1 + 5 + 5');
  assert.equal(ask('b', 50), 20, 'of others nothing is known');
});

test('a request that may have waited is charged as if it had come then', async () => {
  const { simulation, ask } = open();
  await simulation.passTo(60_000);
  let letIn = 0;
  while (letIn < 1_000 && simulation.ask(0, 'a', { waitedMs: 5_000 })) letIn++;
  assert.equal(letIn, 20 + 50, 'the burst, and the rate of 5 s');
  assert.equal(ask('a', 1), 0);
  await simulation.passTo(61_000);
  assert.equal(ask('a', 20), 10, 'nothing more');
});
