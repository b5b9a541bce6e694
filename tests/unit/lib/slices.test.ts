/** Long work in slices: how much of it is done in one turn of the event loop, counted by a clock that the work moves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { atOnce, Slices, type Steps, sortInSteps } from '../../../src/lib/slices.ts';
import { TurnBudget } from '../../../src/lib/turn-budget.ts';

/** Slices of five steps in each turn of the event loop, each of a millisecond, with the steps that were done. */
function counted() {
  let now = 0;
  const done: string[] = [];
  const slices = new Slices(new TurnBudget(5, () => now));
  function* work(name: string, steps: number): Steps<string> {
    for (let step = 0; step < steps; step++) {
      now++;
      done.push(name);
      yield;
    }
    return name;
  }
  return { slices, done, work };
}

test('work that ends within the budget is done at once, without a promise', () => {
  const { slices, work } = counted();
  assert.equal(slices.run(work('a', 5)), 'a');
});

test('longer work pauses, and goes on in the next turn', async () => {
  const { slices, done, work } = counted();
  const result = slices.run(work('a', 20));
  assert.ok(result instanceof Promise);
  for (let turn = 1, before = 0; done.length < 20; turn++, before = done.length) {
    assert.ok(done.length - before <= 6, `${done.length - before} steps in turn ${turn}`);
    await nextTurn();
  }
  assert.equal(await result, 'a');
});

test('however many work, the steps of one turn are as few, and each gets on', async () => {
  const { slices, done, work } = counted();
  const names = Array.from({ length: 50 }, (_, index) => `work ${index}`);
  const results = Promise.all(names.map((name) => slices.run(work(name, 20))));
  // Each does one step when it comes, then they go round robin.
  assert.ok(done.length <= 6 + names.length, `${done.length} steps at once`);
  let most = 0;
  for (let before = done.length; done.length < 1000; before = done.length) {
    await nextTurn();
    most = Math.max(most, done.length - before);
  }
  assert.ok(most <= 6, `${most} steps in one turn`);
  assert.deepEqual(await results, names);
  const halfway = new Set(done.slice(0, 500));
  assert.equal(halfway.size, names.length, 'nobody waits until the others are done');
});

test('an error ends the work, and nobody else’s', async () => {
  const { slices, work } = counted();
  function* broken(): Steps<string> {
    yield* work('b', 20);
    throw new Error('broken');
  }
  const [failed, other] = [slices.run(broken()), slices.run(work('a', 20))];
  await assert.rejects(Promise.resolve(failed), /broken/);
  assert.equal(await other, 'a');
});

test('in slices or at once, the result is the same', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: 30 }), { maxLength: 8 }), async (lengths) => {
      const { slices, work } = counted();
      const names = lengths.map((length, index) => `${index} ${length}`);
      const results = lengths.map((length, index) => slices.run(work(names[index] ?? '', length)));
      assert.deepEqual(await Promise.all(results), names);
      assert.deepEqual(
        lengths.map((length, index) => atOnce(work(names[index] ?? '', length))),
        names,
      );
    }),
    { numRuns: 30 },
  );
});

test('sorting in steps gives what sorting gives, equal items in their order, with few comparisons in a step', () => {
  const pairs = fc.array(fc.tuple(fc.nat(20), fc.nat()), { maxLength: 1_500, size: 'max' });
  const property = fc.property(pairs, (items) => {
    let compared = 0;
    const steps = sortInSteps(items, (a, b) => {
      compared++;
      return a[0] - b[0];
    });
    for (let step = steps.next(), most = 0; ; step = steps.next()) {
      assert.ok(compared - most <= 1_024, `${compared - most} comparisons in a step`);
      most = compared;
      if (step.done === true) {
        assert.deepEqual(
          step.value,
          items.toSorted((a, b) => a[0] - b[0]),
        );
        return;
      }
    }
  });
  fc.assert(property, { numRuns: 50 });
});
