/** Large work in turns: one of each key at a time, within a bound of bytes, and nobody is left out. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { ByteBudget } from '../../../src/lib/byte-budget.ts';
import { Rng } from '../../harness/rng.ts';

/** Queues work of these keys and sizes; `begun` says in which order they have begun. */
function start(budget: ByteBudget, turns: readonly (readonly [string, number])[]) {
  const begun: string[] = [];
  const ends = turns.map(([key, bytes]) =>
    budget.take(key, bytes).then((end) => {
      begun.push(key);
      return end;
    }),
  );
  return { begun, ends };
}

describe('a budget of 10 bytes', () => {
  test('lets each key have one turn at a time', async () => {
    const { begun, ends } = start(new ByteBudget(10), [
      ['a', 1],
      ['a', 1],
      ['b', 1],
    ]);
    await setImmediate();
    assert.deepEqual(begun, ['a', 'b']);
    (await ends[0])?.();
    await setImmediate();
    assert.deepEqual(begun, ['a', 'b', 'a']);
  });

  test('lets keys take turns, however much one of them asks for', async () => {
    const { begun, ends } = start(new ByteBudget(10), [
      ...Array.from({ length: 4 }, () => ['greedy', 10] as const),
      ['b', 10],
      ['c', 10],
    ]);
    for (const place of [0, 1, 4, 5]) (await ends[place])?.();
    await setImmediate();
    assert.deepEqual(begun, ['greedy', 'greedy', 'b', 'c', 'greedy']);
  });

  test('lets nobody overtake one that waits for room', async () => {
    const { begun, ends } = start(new ByteBudget(10), [
      ['a', 8],
      ['large', 9],
      ['small', 1],
    ]);
    await setImmediate();
    assert.deepEqual(begun, ['a']);
    (await ends[0])?.();
    await setImmediate();
    assert.deepEqual(begun, ['a', 'large', 'small']);
  });

  test('lets what is larger than all of it go alone', async () => {
    const { begun, ends } = start(new ByteBudget(10), [
      ['huge', 30],
      ['b', 1],
    ]);
    await setImmediate();
    assert.deepEqual(begun, ['huge']);
    const end = await ends[0];
    end?.();
    end?.(); // a second time changes nothing
    await setImmediate();
    assert.deepEqual(begun, ['huge', 'b']);
  });
});

test('whatever comes, the bound holds and each turn comes', async () => {
  const rng = new Rng(7, 'bytes');
  for (let round = 0; round < 50; round++) {
    const budget = new ByteBudget(100);
    let [held, begun] = [0, 0];
    const turns = Array.from({ length: 200 }, async () => {
      const bytes = 1 + rng.below(60);
      const end = await budget.take(`${rng.below(12)}`, bytes);
      held += bytes;
      begun++;
      assert.ok(held <= 100, `${held} bytes`);
      await setImmediate();
      held -= bytes;
      end();
    });
    await Promise.all(turns);
    assert.equal(begun, 200);
  }
});
