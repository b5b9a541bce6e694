import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { FairQueue } from '../../../src/lib/fair-queue.ts';

/** Takes all. */
function drain(queue: FairQueue<string>): string[] {
  const taken: string[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) taken.push(item);
  return taken;
}

test('keys take turns, and items of one key keep their order', () => {
  const queue = new FairQueue<string>();
  for (const item of ['a1', 'a2', 'a3', 'b1', 'c1', 'b2']) queue.push(item.charAt(0), item);
  assert.deepEqual([queue.length, queue.has('b'), queue.has('d')], [6, true, false]);
  assert.deepEqual(drain(queue), ['a1', 'b1', 'c1', 'a2', 'b2', 'a3']);
  assert.deepEqual([queue.length, queue.has('b')], [0, false]);
});

test('whatever waits, an item goes before the second item that each other key puts in later or before', () => {
  const keys = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 60 });
  fc.assert(
    fc.property(keys, keys, (before, after) => {
      const queue = new FairQueue<string>();
      for (const [index, key] of before.entries()) queue.push(key, `${key}${index}`);
      queue.push('honest', 'honest');
      for (const [index, key] of after.entries()) queue.push(key, `${key}${before.length + index}`);
      const ahead = drain(queue);
      assert.equal(ahead.length, before.length + after.length + 1);
      const earlier = ahead.slice(0, ahead.indexOf('honest')).map((item) => item.charAt(0));
      assert.equal(new Set(earlier).size, earlier.length);
    }),
  );
});
