/** Nothing that an operator has to know stands in `.env.example` alone. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { settingNames } from '../../../src/config/settings.ts';

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const pages = readdirSync(new URL('docs/', root)).filter((file) => file.endsWith('.md'));
const text = [...pages.map((file) => `docs/${file}`), 'mosquitto/README.md'].map(read).join('\n');

test('each setting is explained in a page', () => {
  assert.ok(settingNames.length > 50);
  assert.deepEqual(
    settingNames.filter((name) => !new RegExp(`\\b${name}\\b`).test(text)),
    [],
  );
});

test('the settings that docs/production.md says somebody decides exist', () => {
  const known = read('.env.example');
  const [, section = ''] = /^## Settings to decide\n(.*)/ms.exec(read('docs/production.md')) ?? [];
  const named = [...section.matchAll(/`([A-Z]+_[A-Z_]+)`/g)].map(([, name = '']) => name);
  assert.ok(named.length > 30);
  for (const name of named) assert.match(known, new RegExp(`^#?${name}=`, 'm'), name);
});
