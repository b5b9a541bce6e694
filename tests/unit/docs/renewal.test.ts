/** Renewing certificates (docs/operations.md) puts them where docs/production.md has put the first ones. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (page: string): string =>
  readFileSync(new URL(`../../../docs/${page}.md`, import.meta.url), 'utf8');

test('each line that installs a renewed certificate is one of commands 4 and 5', () => {
  const [, code = ''] = /^## Renewing a certificate\n.*?^```sh\n(.*?)^```$/ms.exec(read('operations')) ?? [];
  const first = read('production').replaceAll('$broker/', '/var/lib/profile-broker/').split('\n');
  const lines = code.split('\n').filter((line) => line.startsWith('install '));
  assert.equal(lines.length, 4);
  for (const line of lines) assert.ok(first.includes(line), line);
  assert.match(code, /^systemctl reload profile-broker$/m);
  assert.match(code, /^systemctl restart redis-server$/m);
});
