/** A batch that cannot be written: its callers hear of it, and nothing else does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchedScripts } from '../../../src/store/redis/batched-scripts.ts';

test('a word that cannot be packed fails the calls of its batch, and the next batch is sent', async () => {
  const scripts = new BatchedScripts(
    async () => ['done'],
    () => undefined,
  );
  const unpackable = Symbol('no word') as unknown as string;
  await assert.rejects(scripts.run('script', ['key'], [unpackable]));
  assert.equal(await scripts.run('script', ['key'], ['word']), 'done');
});
