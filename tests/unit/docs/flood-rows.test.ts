/** Each row of `npm run flood` has a line in docs/threats.md, with the test that shows the same in short. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { rows } from '../../../bench/flood/rows.ts';

const threats = readFileSync(new URL('../../../docs/threats.md', import.meta.url), 'utf8');

const [, table = ''] = /\n\| flood row \|.*?\n\|[-|]+\|\n(.*?)\n\n/s.exec(threats) ?? [];
const lines = table.split('\n');

test('docs/threats.md has a line for each row of the flood, in its order', () => {
  const named = lines.map((line) => /^\| `([\w-]+)` \|/.exec(line)?.[1]);
  assert.deepEqual(
    named,
    rows.map(({ name }) => name),
  );
});

test('each line names a test in tests/hostile', () => {
  for (const line of lines) assert.match(line, /`tests\/hostile\/[\w-]+\.test\.ts`/);
});
