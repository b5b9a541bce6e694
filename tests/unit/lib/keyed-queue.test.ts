import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Done, KeyedQueue } from '../../../src/lib/keyed-queue.ts';

test('work on one key is done in its order, and gets what the work before it has left', async () => {
  const queue = new KeyedQueue<number>();
  let running = 0;
  const add = async (before = 0) => {
    assert.equal(++running, 1);
    await new Promise(setImmediate);
    running--;
    return { result: before, left: before + 1 };
  };
  const results = await Promise.all(Array.from({ length: 5 }, () => queue.run('key', add)));
  assert.deepEqual(results, [0, 1, 2, 3, 4]);
});

test('work that fails ends no other, and leaves nothing behind', async () => {
  const queue = new KeyedQueue<number>();
  const failing = queue.run('key', () => Promise.reject(new Error('failed')));
  const next = queue.run('key', async (before) => ({ result: before }));
  await assert.rejects(failing, /failed/);
  assert.equal(await next, undefined);
  await new Promise(setImmediate);
  assert.equal(queue.size, 0);
});

test('work on other keys does not wait', async () => {
  const queue = new KeyedQueue<number>();
  void queue.run('one', () => new Promise<Done<string, number>>(() => undefined));
  assert.equal(await queue.run('other', async () => ({ result: 'done' })), 'done');
});
