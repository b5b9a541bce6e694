/** .env.example says what each number may be, and it is what the worker takes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { SettingsError } from '../../../src/config/error.ts';
import { readSettings, settingNames } from '../../../src/config/settings.ts';

const min = { MQTT_URL: 'mqtt://127.0.0.1', REDIS_URL: 'redis://127.0.0.1' };
const lines = readFileSync(new URL('../../../.env.example', import.meta.url), 'utf8').split('\n');

/** The range of a number, such as `(1-65535)`; undefined for another setting. */
function rangeOf(name: string): string | undefined {
  try {
    readSettings({ ...min, [name]: '999999999999999' });
  } catch (error) {
    assert.ok(error instanceof SettingsError);
    const [, from, to] = /is not between (\d+) and (\d+)/.exec(error.message) ?? [];
    if (from !== undefined) return `(${from}-${to})`;
  }
  return undefined;
}

test('the line above a number in .env.example has its range', () => {
  const numbers = settingNames.filter((name) => rangeOf(name) !== undefined);
  assert.ok(numbers.length > 25);
  for (const name of numbers) {
    const above = lines[lines.findIndex((line) => line.startsWith(`${name}=`)) - 1];
    assert.ok(above?.endsWith(`${rangeOf(name)}`), `${name} ${rangeOf(name)}`);
  }
});
