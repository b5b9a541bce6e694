/** Every test that the documents name exists. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

/** Files that the guides of docs/contributing.md and docs/tutorial.md have their reader make. */
const invented = new Set(['tests/system/requests/brief.test.ts', 'tests/unit/services/mail/polish.test.ts']);

const documents = ['README.md', ...readdirSync(new URL('docs/', root)).map((file) => `docs/${file}`)];

for (const path of documents.filter((file) => file.endsWith('.md'))) {
  test(`${path}: every test file that it names exists`, () => {
    for (const [file] of read(path).matchAll(/tests\/[\w/-]+\.test\.ts/g)) {
      if (invented.has(file)) continue;
      assert.ok(existsSync(new URL(file, root)), file);
    }
  });
}

test('docs/delivery.md: every failure has a test, except those that nobody can prevent', () => {
  const [, table = ''] = /\n\| what fails \|.*?\n\|[-|]+\|\n(.*?)\n\n/s.exec(read('docs/delivery.md')) ?? [];
  const rows = table.split('\n');
  assert.ok(rows.length > 20);
  const untested = rows.filter((row) => !/`tests\/[^`]+\.test\.ts` \|$/.test(row));
  assert.deepEqual(
    untested.map((row) => row.split('|')[1]?.trim()),
    ['the broker loses its disk'],
  );
});

test('MQTT.js is pinned exactly, because delivery relies on its internals', () => {
  const { dependencies } = JSON.parse(read('package.json')) as { dependencies: Record<string, string> };
  assert.match(dependencies.mqtt ?? '', /^\d+\.\d+\.\d+$/);
});
