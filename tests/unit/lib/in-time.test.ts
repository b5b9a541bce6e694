import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inTime } from '../../../src/lib/in-time.ts';

test('work that ends in time gives its result or its error, and leaves no timer', async () => {
  assert.equal(await inTime(Promise.resolve('done'), 60_000, 'late'), 'done');
  await assert.rejects(inTime(Promise.reject(new Error('broken')), 60_000, 'late'), /broken/);
  assert.ok(!process.getActiveResourcesInfo().includes('Timeout'));
});

test('work that takes too long gives the other value, and its later failure is ignored', async () => {
  const failing = sleep(20).then(() => Promise.reject(new Error('broken')));
  assert.equal(await inTime(failing, 5, 'late'), 'late');
  await sleep(40);
});
