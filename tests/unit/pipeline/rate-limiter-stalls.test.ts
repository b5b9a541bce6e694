/** The rate limit over 1 to 8 workers that stop and go on, in virtual time: what a client sends meanwhile comes in one burst. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DeliveryLag } from '../../../src/mqtt/delivery-lag.ts';
import { ExactBucket, randomFrom, Simulation, type SimulationOptions } from './rate-simulation.ts';

const MAX_PAUSE_MS = 10_000;
const TICK_MS = 50;

/** A worker that takes deliveries, unless it is stopped; then they wait. */
class StoppableWorker {
  readonly lag: DeliveryLag;
  stoppedUntil = 0;
  waiting = 0;
  /** How long it was stopped altogether. */
  stopped = 0;

  constructor(now: () => number) {
    this.lag = new DeliveryLag(now);
    this.lag.connected(false);
  }
}

/** One client and workers that stop. */
class Stalls {
  readonly simulation: Simulation;
  readonly workers: StoppableWorker[];
  letIn = 0;
  refused = 0;
  #ticks = 0;

  constructor(options: SimulationOptions) {
    this.simulation = new Simulation(options);
    this.workers = this.simulation.limiters.map(() => new StoppableWorker(() => this.simulation.now));
  }

  stop(which: readonly StoppableWorker[], ms: number): void {
    const { now } = this.simulation;
    for (const worker of which) {
      if (worker.stoppedUntil > now) continue; // A pause of more than 30 s counts as one of 30 s.
      worker.lag.earliest(now);
      worker.stopped += ms;
      worker.stoppedUntil = now + ms;
    }
  }

  async passTo(at: number): Promise<void> {
    while (this.#ticks + TICK_MS <= at) {
      this.#ticks += TICK_MS;
      await this.simulation.passTo(this.#ticks);
      this.#resume();
    }
    await this.simulation.passTo(at);
    this.#resume();
  }

  ask(index: number): void {
    const worker = this.workers[index];
    assert.ok(worker);
    worker.waiting++;
    this.#resume();
  }

  /** The clocks of those that run go on, and what waits for them is taken. */
  #resume(): void {
    const { now } = this.simulation;
    for (const [index, worker] of this.workers.entries()) {
      if (worker.stoppedUntil > now) continue;
      const waitedMs = now - worker.lag.earliest(now);
      for (; worker.waiting > 0; worker.waiting--) {
        if (this.simulation.ask(index, 'a', { waitedMs })) this.letIn++;
        else this.refused++;
      }
    }
  }
}

const system = {
  workers: fc.integer({ min: 1, max: 8 }),
  rate: fc.constantFrom(5, 50, 200),
  burst: fc.constantFrom(1, 20, 500),
  maxDelay: fc.constantFrom(0, 1, 20, 100),
  seed: fc.integer({ min: 1 }),
  /** Of one worker, or of all. */
  stopsAll: fc.boolean(),
};

const sometimes = 0.005;

/** Sends requests for a while and stops workers meanwhile. */
async function run(stalls: Stalls, random: () => number, stopsAll: boolean, next: () => number) {
  for (let request = 0; request < 2_000; request++) {
    await stalls.passTo(next());
    const index = Math.floor(random() * stalls.workers.length);
    if (random() < sometimes)
      stalls.stop(
        stopsAll ? stalls.workers : stalls.workers.slice(index, index + 1),
        random() * MAX_PAUSE_MS,
      );
    stalls.ask(Math.floor(random() * stalls.workers.length));
  }
  await stalls.passTo(stalls.simulation.now + MAX_PAUSE_MS);
}

test('a client within its rate is never limited, whichever workers stop, and for how long', async () => {
  await fc.assert(
    fc.asyncProperty(fc.record(system), async ({ seed, stopsAll, ...options }) => {
      const random = randomFrom(seed);
      const stalls = new Stalls({ ...options, random });
      const exact = new ExactBucket(options.rate, options.burst);
      let sentAt = 0;
      await run(stalls, random, stopsAll, () => {
        sentAt = exact.next(sentAt + (1_000 / options.rate / 0.96) * (0.5 + random()));
        exact.take(sentAt);
        return sentAt;
      });
      assert.equal(stalls.refused, 0);
    }),
    { numRuns: 40 },
  );
});

test('a client above its rate gets what it would get, and its rate in the time in which workers were stopped', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ ...system, load: fc.constantFrom(1.5, 4) }),
      async ({ seed, stopsAll, load, ...options }) => {
        const { rate, burst, workers, maxDelay } = options;
        const random = randomFrom(seed);
        const stalls = new Stalls({ ...options, random });
        let sentAt = 0;
        await run(stalls, random, stopsAll, () => {
          sentAt += 1_000 / rate / load;
          return sentAt;
        });
        const seconds = stalls.simulation.now / 1_000;
        const stopped = Math.max(...stalls.workers.map((worker) => worker.stopped)) / 1_000;
        const lag = (load * rate * (150 + 2 * maxDelay)) / 1_000 + workers * (2 + burst / 128) + rate / 5;
        // A worker that was stopped lets in its backlog before it has the reports of the others.
        const unseen = workers === 1 ? 0 : stopped * rate;
        const allowed = (burst + rate * (seconds + stopped) + unseen) * 1.1 + lag;
        assert.ok(stalls.letIn <= allowed, `${stalls.letIn} of ${allowed}`);
      },
    ),
    { numRuns: 40 },
  );
});
