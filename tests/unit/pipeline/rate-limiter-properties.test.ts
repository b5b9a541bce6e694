/** The rate limit over 1 to 8 workers, in virtual time, for any rate, burst, spread and delays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ExactBucket, randomFrom, Simulation } from './rate-simulation.ts';

const MAX_REQUESTS = 3_000;
const HOUR_MS = 3_600_000;

const system = {
  workers: fc.integer({ min: 1, max: 8 }),
  rate: fc.oneof(fc.constantFrom(0.1, 1, 50, 200), fc.double({ min: 0.1, max: 200, noNaN: true })),
  burst: fc.oneof(fc.constantFrom(1, 2, 500), fc.integer({ min: 1, max: 1_000 })),
  maxDelay: fc.constantFrom(0, 1, 20, 100),
  seed: fc.integer({ min: 1 }),
  /** Each worker's share relative to the one before it. */
  spread: fc.constantFrom(1, 0.7, 0.1),
};

/** Chooses a worker for each request, evenly or not. */
function chooser(workers: number, spread: number, random: () => number): () => number {
  const weights = Array.from({ length: workers }, (_, worker) => spread ** worker);
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return () => {
    let left = random() * all;
    const found = weights.findIndex((weight) => {
      left -= weight;
      return left < 0;
    });
    return Math.max(0, found);
  };
}

/** The behaviour of a client for a while. */
const phase = fc.record({
  /** As a share of the rate; above 1 it sends as early as the limit allows. */
  load: fc.oneof(fc.constantFrom(0.4, 0.96, 2), fc.double({ min: 0.01, max: 3, noNaN: true })),
  requests: fc.integer({ min: 1, max: 1_000 }),
  /** The pause before it, as a share of the time in which the bucket refills. */
  pause: fc.constantFrom(0, 0, 0.01, 0.3, 2),
});

test('a client within its rate is never limited, whichever workers it reaches', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ ...system, phases: fc.array(phase, { minLength: 1, maxLength: 8 }) }),
      async ({ phases, seed, spread, ...options }) => {
        const { rate, burst, workers } = options;
        const random = randomFrom(seed);
        const simulation = new Simulation({ ...options, random });
        const worker = chooser(workers, spread, random);
        const exact = new ExactBucket(rate, burst);
        let requests = 0;
        for (const { load, requests: count, pause } of phases) {
          await simulation.passTo(simulation.now + (pause * burst * 1_000) / rate);
          for (let asked = 0; asked < count && requests < MAX_REQUESTS; asked++, requests++) {
            const gap = (1_000 / rate / load) * (0.5 + random());
            await simulation.passTo(exact.next(simulation.now + gap));
            exact.take(simulation.now);
            assert.equal(simulation.ask(worker(), 'a'), true, `request ${requests}`);
          }
        }
      },
    ),
    { numRuns: 100 },
  );
});

const overload = fc.record({ ...system, load: fc.double({ min: 1.2, max: 10, noNaN: true }) });

/** Eight workers whose reports are old and overtake each other, as each fills gaps that others have left. */
const overtaking = [
  { load: 1.2, rate: 1.56, seed: 1_785_179_795 },
  { load: 1.3, rate: 1.56, seed: 13 * 7_919 },
  { load: 1.2, rate: 50, seed: 8 * 7_919 },
].map((example) => ({ workers: 8, burst: 500, spread: 1, maxDelay: 0, ...example }));

test('a client above its rate gets it within 10 %, besides what it sends before all workers have the reports', async () => {
  await fc.assert(
    fc.asyncProperty(overload, async ({ load, seed, spread, ...options }) => {
      const { rate, burst, workers, maxDelay } = options;
      const random = randomFrom(seed);
      const simulation = new Simulation({ ...options, random });
      const worker = chooser(workers, spread, random);
      const gap = 1_000 / rate / load;
      const asked = Math.min(2 * MAX_REQUESTS + 2 * burst, Math.floor(HOUR_MS / gap));
      const exact = new ExactBucket(rate, burst);
      let [letIn, exactly] = [0, 0];
      for (let request = 0; request < asked; request++) {
        await simulation.passTo(simulation.now + gap * (0.5 + random()));
        if (simulation.ask(worker(), 'a')) letIn++;
        if (exact.next(simulation.now) > simulation.now) continue;
        exact.take(simulation.now);
        exactly++;
      }
      const allowed = Math.min(asked, burst + (rate * simulation.now) / 1_000);
      // A report takes 50 ms and its way, and each worker counts a small use locally.
      const lag = (load * rate * (50 + 2 * maxDelay)) / 1_000 + workers * (2 + burst / 128) + rate / 10;
      assert.ok(letIn >= exactly * 0.9 - 1, `${letIn} of ${exactly} by a bucket that knows everything`);
      assert.ok(letIn <= allowed * 1.1 + lag, `${letIn} of ${allowed} that are allowed`);
    }),
    { numRuns: 60, examples: overtaking.map((example) => [example] as [typeof example]) },
  );
});

for (const [workers, spread] of [
  [2, 1],
  [8, 0.7],
] as const) {
  test(`an hour at 48 a second, where 50 are allowed, on ${workers} workers: never limited`, async () => {
    const random = randomFrom(workers);
    const simulation = new Simulation({ workers, rate: 50, burst: 500, maxDelay: 5, random });
    const worker = chooser(workers, spread, random);
    for (let request = 1; request <= 48 * 3_600; request++) {
      await simulation.passTo((request * 1_000) / 48);
      assert.equal(simulation.ask(worker(), 'a'), true, `request ${request}`);
    }
    assert.ok(simulation.reports < (48 * 3_600) / 3, `${simulation.reports} reports`);
  });

  test(`half an hour at 100 a second, where 50 are allowed, on ${workers} workers: 50 within 2 %`, async () => {
    const random = randomFrom(workers);
    const simulation = new Simulation({ workers, rate: 50, burst: 500, maxDelay: 5, random });
    const worker = chooser(workers, spread, random);
    let letIn = 0;
    for (let request = 1; request <= 100 * 1_800; request++) {
      await simulation.passTo(request * 10);
      if (simulation.ask(worker(), 'a')) letIn++;
    }
    const allowed = 500 + 50 * 1_800;
    assert.ok(Math.abs(letIn / allowed - 1) < 0.02, `${letIn} of ${allowed}`);
  });
}

test('use beyond the burst on several workers at once is charged later, and never forgotten', async () => {
  const random = randomFrom(1);
  const simulation = new Simulation({ workers: 8, rate: 50, burst: 500, maxDelay: 5, random });
  let letIn = 0;
  const ask = (): void => {
    for (const worker of simulation.limiters.keys()) if (simulation.ask(worker, 'a')) letIn++;
  };
  for (let request = 0; request < 1_000; request++) ask();
  assert.equal(letIn, 8 * 500, 'before any worker has a report of another');
  for (let second = 1; second <= 70; second++) {
    await simulation.passTo(second * 1_000);
    ask();
  }
  assert.ok(letIn <= 8 * 500 + 8 * 5, `${letIn} while 3,500 are owed at 50 a second`);
});

test('a client that continues after an outage of Redis is charged its use, and no more', async () => {
  const random = randomFrom(3);
  const simulation = new Simulation({ workers: 2, rate: 50, burst: 100, maxDelay: 5, random });
  for (let request = 1; request <= 48 * 600; request++) {
    await simulation.passTo((request * 1_000) / 48);
    simulation.isAway = request > 48 * 10 && request < 48 * 300;
    assert.equal(simulation.ask(request % 2, 'a'), true, `request ${request}`);
  }
});
