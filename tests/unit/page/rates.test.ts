import assert from 'node:assert/strict';
import { test } from 'node:test';
import { momentBetween, quantile, type Sample } from '../../../page/src/workers/rates.ts';

/** A sample of one worker whose requests took at most 10 and 100 ms. */
function sampled(atMs: number, fast: number, all: number): Sample {
  const durations = [
    { atMostSeconds: 0.01, count: fast },
    { atMostSeconds: 0.1, count: all },
    { atMostSeconds: 3600, count: all },
  ];
  return { atMs, workers: [{ name: 'worker-1', numbers: { requests: all, inFlight: 3, durations } }] };
}

test('requests a second are those between two samples', () => {
  const moment = momentBetween(sampled(0, 40, 50), sampled(2000, 44, 60));
  assert.deepEqual(moment.perSecond, [5]);
  assert.deepEqual(moment.inFlight, [3]);
});

test('a restarted worker is counted from zero', () => {
  assert.deepEqual(momentBetween(sampled(0, 40, 50), sampled(1000, 4, 4)).perSecond, [4]);
});

test('a first sample has no rates, nor has a worker that does not answer', () => {
  assert.deepEqual(momentBetween(undefined, sampled(1000, 4, 4)).perSecond, [null]);
  const gone: Sample = { atMs: 1000, workers: [{ name: 'worker-1' }] };
  assert.deepEqual(momentBetween(sampled(0, 40, 50), gone), {
    atMs: 1000,
    perSecond: [null],
    inFlight: [null],
    median: null,
    p95: null,
  });
});

test('latencies are those of the requests between two samples', () => {
  // All of ten new requests took more than 10 and at most 100 ms.
  const { median, p95 } = momentBetween(sampled(0, 40, 50), sampled(1000, 40, 60));
  assert.ok(median !== null && Math.abs(median - 55) < 1e-6, `${median} ms`);
  assert.ok(p95 !== null && Math.abs(p95 - 95.5) < 1e-6, `${p95} ms`);
});

test('for a request beyond the last bound only that bound is shown', () => {
  const durations = [
    { atMostSeconds: 10, count: 0 },
    { atMostSeconds: 3600, count: 1 },
  ];
  assert.equal(quantile(durations, 0.5), 10_000);
});
