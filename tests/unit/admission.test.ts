/** Who must wait: in one worker, and in several that share the buckets of Redis. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AdmissionOptions, openAdmission } from '../../src/admission.ts';
import type { Rates } from '../../src/store/rates.ts';
import { eventually } from '../system/stage/eventually.ts';

/** Redis as workers see it, with a clock that stands still. */
class RatesStandIn implements Rates {
  left = new Map<string, number>();
  spent: { client: string; count: number }[] = [];
  readonly burst: number;

  constructor(burst: number) {
    this.burst = burst;
  }

  async spend(client: string, count: number): Promise<number> {
    this.spent.push({ client, count });
    const left = (this.left.get(client) ?? this.burst) - count;
    this.left.set(client, left);
    return left;
  }
}

function open(options: Partial<AdmissionOptions> = {}) {
  const rates = new RatesStandIn(options.burst ?? 20);
  const time = { ms: 0 };
  const settings: AdmissionOptions = {
    vouching: 'broker',
    rate: 10,
    burst: 20,
    rates,
    now: () => time.ms,
    ...options,
  };
  return { rates, time, worker: () => openAdmission(settings) };
}

const times = (count: number, ask: () => boolean): number =>
  Array.from({ length: count }, ask).filter((refused) => !refused).length;

test('a client may ask so often at once, and then at its rate', () => {
  const { time, worker } = open();
  const admission = worker();
  assert.equal(
    times(50, () => admission.refuses('a')),
    20,
  );
  time.ms = 1_000;
  assert.equal(
    times(50, () => admission.refuses('a')),
    10,
  );
  assert.equal(
    times(50, () => admission.refuses('b')),
    20,
    'others are not touched',
  );
});

test('with a rate of 0 nobody must wait', () => {
  const admission = open({ rate: 0 }).worker();
  assert.equal(
    times(10_000, () => admission.refuses('a')),
    10_000,
  );
});

test('a client that asks seldom is never told to Redis', async () => {
  const { rates, time, worker } = open({ rate: 50, burst: 500 });
  const admission = worker();
  for (let request = 0; request < 1_000; request++) {
    time.ms += 400;
    assert.equal(admission.refuses('quiet'), false);
  }
  await sleep(120); // longer than what is told waits
  assert.deepEqual(rates.spent, []);
});

test('four workers together let a client ask no more often than one', async () => {
  const { rates, time, worker } = open({ rate: 50, burst: 100 });
  const workers = [worker(), worker(), worker(), worker()];
  let admitted = 0;
  for (let round = 0; round < 5; round++) {
    const told = rates.spent.length;
    for (const admission of workers) admitted += times(30, () => admission.refuses('flood'));
    // The clock stands still, so nothing comes in: once all is told, nothing is left anywhere.
    if (round === 0) await eventually('all four have told', () => rates.spent.length >= told + 4);
    await sleep(120);
  }
  assert.ok((rates.left.get('flood') ?? 0) <= 0);
  // A worker goes on with what it was told was left; two rounds at most pass before all of them know.
  assert.ok(admitted >= 100 && admitted <= 100 + 4 * 30 + 30, `${admitted} were let in`);
  time.ms += 1_000;
});

test('Redis away: each worker goes on with its own bucket', async () => {
  const rates: Rates = { spend: () => Promise.reject(new Error('away')) };
  const admission = open({ rates }).worker();
  assert.equal(
    times(50, () => admission.refuses('a')),
    20,
  );
  await sleep(120);
  assert.equal(admission.refuses('a'), true);
});

test('where tokens vouch, wrong ones are limited for each client', () => {
  const { time, worker } = open({ vouching: 'token' });
  const admission = worker();
  for (let guess = 0; guess < 10; guess++) {
    assert.equal(admission.refuses('victim'), false);
    admission.refusesProven('victim', false);
  }
  assert.equal(admission.refuses('victim'), true);
  assert.equal(admission.refuses('other'), false);
  time.ms = 6_000;
  assert.equal(admission.refuses('victim'), false, 'one more in six seconds');
});

test('where tokens vouch, wrong ones are limited for each worker, whatever clients they name', () => {
  const admission = open({ vouching: 'token' }).worker();
  let tried = 0;
  while (tried < 5_000 && !admission.refuses(`client-${tried}`)) {
    admission.refusesProven(`client-${tried}`, false);
    tried++;
  }
  assert.equal(tried, 1_000);
});

test('where tokens vouch, only requests with the right one use up what a client may ask', () => {
  const admission = open({ vouching: 'token' }).worker();
  for (let guess = 0; guess < 9; guess++) admission.refusesProven('victim', false);
  assert.equal(
    times(50, () => admission.refusesProven('victim', true)),
    20,
  );
});
