import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { probedCommands } from '../../../src/store/redis/probe.ts';

const source = new URL('../../../src/', import.meta.url);
const files = (readdirSync(source, { recursive: true }) as string[]).filter((file) =>
  /^(store\/.*\.(ts|lua)|failover\/worker-registry\.ts)$/.test(file),
);

/** Not commands on keys: what ioredis has besides, and what only `profilectl` uses. */
const others =
  /^(ON|ONCE|OFF|DISCONNECT|DEFINECOMMAND|NODES|SCAN|EVAL|EVALSHA|INFO|PIPELINE|MULTI|EXEC|DUPLICATE)$/;

test('each command of the worker and its scripts is probed for the rights to it, and no other', () => {
  const used = new Set<string>();
  for (const file of files) {
    const text = readFileSync(new URL(file, source), 'utf8');
    const calls = file.endsWith('.lua')
      ? text.matchAll(/\bp?call\('([A-Z]+)'/g)
      : text.matchAll(/\bconnection\s*\.([a-z]+)(?:Buffer)?\(/g);
    for (const [, name = ''] of calls) if (!others.test(name.toUpperCase())) used.add(name.toUpperCase());
  }
  assert.ok(used.size > 30);
  assert.deepEqual([...used].sort(), Object.keys(probedCommands).sort());
});
