import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cached } from '../../../src/lib/cached.ts';

function counting() {
  const clock = { now: 0, made: 0 };
  const get = cached(
    1000,
    async () => ++clock.made,
    () => clock.now,
  );
  return { clock, get };
}

test('all who ask within the time get the same result, also at once', async () => {
  const { clock, get } = counting();
  assert.deepEqual(await Promise.all(Array.from({ length: 20 }, get)), Array(20).fill(1));
  clock.now = 999;
  assert.equal(await get(), 1);
  clock.now = 1000;
  assert.equal(await get(), 2);
});

test('a failure is not kept', async () => {
  let asked = 0;
  const get = cached(1000, async () => {
    if (++asked === 1) throw new Error('first');
    return asked;
  });
  await assert.rejects(get(), /first/);
  assert.equal(await get(), 2);
});

test('a time of 0 keeps nothing', async () => {
  let asked = 0;
  const get = cached(0, async () => ++asked);
  assert.deepEqual([await get(), await get()], [1, 2]);
});
