import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TokenBuckets } from '../../../src/lib/token-buckets.ts';

test('a bucket grants its contents at once, and then its refill', () => {
  const buckets = new TokenBuckets({ perSecond: 10, burst: 3, max: 10 });
  const taken = (now: number) => buckets.take('a', now);
  assert.deepEqual([taken(0), taken(0), taken(0), taken(0)], [true, true, true, false]);
  assert.deepEqual([taken(99), taken(100), taken(101)], [false, true, false]);
  assert.deepEqual([taken(10_000), taken(10_000), taken(10_000), taken(10_000)], [true, true, true, false]);
});

test('at any times it never grants more than the burst and the refill since', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(500), { minLength: 1, maxLength: 200 }),
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 20 }),
      (pauses, perSecond, burst) => {
        const buckets = new TokenBuckets({ perSecond, burst, max: 1 });
        let now = 0;
        let given = 0;
        for (const pause of pauses) {
          now += pause;
          if (buckets.take('a', now)) given++;
        }
        assert.ok(given <= burst + (now / 1_000) * perSecond + 1e-6);
      },
    ),
  );
});

test('for any number of names only a fixed number is kept', () => {
  const buckets = new TokenBuckets({ perSecond: 1, burst: 1, max: 100 });
  for (let name = 0; name < 10_000; name++) buckets.take(`client-${name}`, 0);
  assert.equal(buckets.size, 100);
});

test('the least recently used one is dropped first', () => {
  const buckets = new TokenBuckets({ perSecond: 1, burst: 3, max: 2 });
  for (const name of ['a', 'b', 'a', 'c', 'a']) buckets.take(name, 0);
  assert.deepEqual([buckets.has('a', 0), buckets.has('b', 0)], [false, true]);
});

test('a look takes nothing, and opens no bucket', () => {
  const buckets = new TokenBuckets({ perSecond: 1, burst: 1, max: 10 });
  assert.deepEqual([buckets.has('a', 0), buckets.has('a', 0), buckets.size], [true, true, 0]);
  assert.deepEqual([buckets.take('a', 0), buckets.has('a', 0), buckets.has('a', 1_000)], [true, false, true]);
});
