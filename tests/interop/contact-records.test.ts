import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

test('Erlang writes the golden contacts as they are kept', () => {
  const script = fileURLToPath(new URL('contact-records.escript', import.meta.url));
  const kept = readFileSync(new URL('../unit/protocol/contact-records.txt', import.meta.url), 'utf8');
  assert.equal(execFileSync('escript', [script], { encoding: 'utf8' }), kept);
});
