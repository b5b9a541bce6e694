import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFlat, type Sample, trendsOf } from '../../../bench/load/steadiness.ts';

const MB = 2 ** 20;

/** A run of an hour with one worker; `change` returns a figure at a part of it. */
function run(
  change: (part: number) => Partial<Sample['workers'][number]> & { lastingKeys?: number },
): Sample[] {
  return Array.from({ length: 90 }, (_, index) => {
    const { lastingKeys = 8_000, ...worker } = change(index / 90);
    // A heap rises and falls with each collection.
    const heapBytes = (30 + (index % 7) * 5) * MB;
    const steady = { residentBytes: 150 * MB, heapBytes, handles: 7, descriptors: 30 };
    return {
      seconds: index * 40,
      workers: [{ ...steady, ...worker }],
      redisBytes: 0,
      keys: 10_000,
      lastingKeys,
    };
  });
}

const growing = (samples: readonly Sample[]): string[] =>
  trendsOf(samples)
    .filter((trend) => !isFlat(trend))
    .map(({ name }) => name);

test('a run whose figures only rise and fall is flat', () => {
  assert.deepEqual(growing(run(() => ({}))), []);
  assert.equal(trendsOf(run(() => ({}))).length, 5);
});

test('growth within the first third is no leak', () => {
  assert.deepEqual(growing(run((part) => ({ residentBytes: Math.min(part * 3, 1) * 200 * MB }))), []);
});

test('a heap, a resident memory, handles, descriptors and keys that grow are found, each by its name', () => {
  const heap = run((part) => ({ heapBytes: (30 + part * 60) * MB }));
  assert.deepEqual(growing(heap), ['worker 1, heap, bytes']);
  const slope = trendsOf(heap)[0]?.slopePerHour ?? 0;
  assert.ok(Math.abs(slope - 60 * MB) < MB, `${slope}`);
  assert.deepEqual(growing(run((part) => ({ residentBytes: (150 + part * 200) * MB }))), [
    'worker 1, resident, bytes',
  ]);
  assert.deepEqual(growing(run((part) => ({ handles: 7 + part * 60 }))), ['worker 1, handles']);
  assert.deepEqual(growing(run((part) => ({ descriptors: 30 + part * 60 }))), ['worker 1, descriptors']);
  assert.deepEqual(growing(run((part) => ({ lastingKeys: 8_000 + part * 1_000 }))), [
    'keys without a time to live',
  ]);
});

test('an unmeasured figure is not called flat', () => {
  assert.deepEqual(growing(run(() => ({ descriptors: Number.NaN }))), ['worker 1, descriptors']);
  assert.deepEqual(growing([]), ['keys without a time to live']);
});
