/** `TEST_REDIS` has the values that docs/contributing.md names. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { testRedisKind, testRedisKinds } from '../../harness/redis-kind.ts';

test('docs/contributing.md names each kind of Redis for the tests, and another is refused', () => {
  const page = readFileSync(new URL('../../../docs/contributing.md', import.meta.url), 'utf8');
  const [, table = ''] = /\n\| `TEST_REDIS` \|.*?\n\|[-|]+\|\n(.*?)\n\n/s.exec(page) ?? [];
  assert.deepEqual(
    [...table.matchAll(/^\| `(\w+)`/gm)].map(([, kind]) => kind),
    [...testRedisKinds],
  );
  for (const kind of testRedisKinds) assert.equal(testRedisKind(kind), kind);
  assert.equal(testRedisKind(''), 'single');
  assert.throws(() => testRedisKind('keydb'), /single, sentinel, cluster/);
});
