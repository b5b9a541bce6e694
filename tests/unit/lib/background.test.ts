import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Background } from '../../../src/lib/background.ts';

test('parts are done one at a time and in order, whatever becomes of those before them', async () => {
  const background = new Background();
  const done: number[] = [];
  let running = 0;
  const part = (number: number) => async () => {
    assert.equal(++running, 1);
    await new Promise(setImmediate);
    running--;
    done.push(number);
    if (number === 1) throw new Error('failed');
    return number;
  };
  const parts = [0, 1, 2, 3].map((number) => background.run(part(number)));
  const results = await Promise.allSettled(parts);
  assert.deepEqual(done, [0, 1, 2, 3]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
  );
});
