/** docs/answers.md is the one index of the documents: each row leads somewhere, and each refusal and each metric has one. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { refusals } from '../../../src/protocol/io.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const page = read('docs/answers.md');
const rows = page
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (?:question|error|metric)\b/.test(line));

test('each row answers with a link', () => {
  assert.ok(rows.length > 100);
  for (const row of rows) assert.match(row, /^\| [^|]+ \| [^|]*\]\([^)]+\)[^|]* \|$/, row);
});

test('each refusal of the protocol has a row', () => {
  for (const refusal of refusals)
    assert.match(page, new RegExp(`^\\| \`${refusal}\`[,\\w ]* \\| `, 'm'), refusal);
});

test('each metric of ours has a row', () => {
  const names = [...read('docs/operations.md').matchAll(/^\| `(profile_\w+)` \|/gm)].map(
    ([, name = '']) => name,
  );
  assert.ok(names.length > 30);
  for (const name of names)
    assert.ok(
      rows.some((row) => row.split(' | ')[0]?.includes(`\`${name}\``)),
      name,
    );
});

test('the first screen of README.md leads to it', () => {
  assert.ok(read('README.md').split('\n').slice(0, 20).join('\n').includes('](docs/answers.md)'));
});
