/** src/store/until-unchanged.ts: the loop of compare and set. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../../../src/store/redis/fault.ts';
import { untilUnchanged } from '../../../src/store/until-unchanged.ts';

test('the first attempt uses what was read already, each further one what is read then', async () => {
  const attempts: number[] = [];
  let stored = 1;
  const result = await untilUnchanged(
    0,
    async () => stored++,
    async (state) => {
      attempts.push(state);
      return state === 3 ? ('stored' as const) : 'changed';
    },
  );
  assert.equal(result, 'stored');
  assert.deepEqual(attempts, [0, 1, 2, 3]);
});

test('what attempt returns instead of changed is returned, also if it is undefined', async () => {
  const result = await untilUnchanged(
    0,
    () => assert.fail('nothing is read again'),
    async () => undefined,
  );
  assert.equal(result, undefined);
});

test('it is a fault after a hundred attempts', async (t) => {
  t.mock.method(Math, 'random', () => 0); // no pauses
  let attempts = 0;
  const neverUnchanged = untilUnchanged(
    0,
    async () => 0,
    async () => {
      attempts++;
      return 'changed';
    },
  );
  await assert.rejects(neverUnchanged, Fault);
  assert.equal(attempts, 100);
});
