/** QA mode shows clients' messages. So a worker starts with it only with `development` or `test`, spelt exactly so. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { SettingsError } from '../../src/config/error.ts';
import { readSettings } from '../../src/config/settings.ts';
import { workerArguments } from '../harness/program.ts';

const min = { MQTT_URL: 'mqtt://127.0.0.1:1', REDIS_URL: 'redis://127.0.0.1:1' };
const odd = [
  ...[undefined, '', ' ', 'production', 'Production', 'PRODUCTION', 'prod', 'staging', 'qa', 'true'],
  ...[
    'Development',
    'DEVELOPMENT',
    'dev',
    'develop',
    'development ',
    ' development',
    'development,production',
  ],
  ...['Test', 'TEST', 'tests', 'testing', 'test\n', 'test-production', '__proto__'],
];

for (const name of ['QA_TEXT', 'QA_MIRROR']) {
  describe(name, () => {
    for (const NODE_ENV of odd) {
      test(`is refused with NODE_ENV ${NODE_ENV === undefined ? 'unset' : JSON.stringify(NODE_ENV)}`, () => {
        const env = { ...min, [name]: 'on', ...(NODE_ENV !== undefined && { NODE_ENV }) };
        assert.throws(
          () => readSettings(env),
          (error) =>
            error instanceof SettingsError && new RegExp(`^${name} is on`).test(error.problems[0] ?? ''),
        );
        assert.doesNotThrow(() => readSettings({ ...env, [name]: 'off' }));
      });
    }

    for (const NODE_ENV of ['development', 'test'])
      test(`is allowed with NODE_ENV ${NODE_ENV}`, () => {
        assert.doesNotThrow(() => readSettings({ ...min, [name]: 'on', NODE_ENV }));
      });
  });
}

for (const NODE_ENV of [undefined, 'prod', 'Production', 'staging']) {
  test(`the program does not start with NODE_ENV ${NODE_ENV ?? 'unset'}: exit code 78, a line for each setting`, () => {
    const settings = { ...min, QA_TEXT: 'on', QA_MIRROR: 'on', HTTP_PORT: '0' };
    const env = { PATH: process.env.PATH, ...settings, ...(NODE_ENV !== undefined && { NODE_ENV }) };
    const { status, stderr } = spawnSync('node', workerArguments, { env, encoding: 'utf8', timeout: 60_000 });
    assert.equal(status, 78, stderr);
    for (const name of ['QA_TEXT', 'QA_MIRROR'])
      assert.match(
        stderr,
        new RegExp(`^ {2}${name} is on, which needs NODE_ENV=development or NODE_ENV=test$`, 'm'),
      );
  });
}

test('every composed worker with QA mode on has its environment set', () => {
  const file = readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8');
  const { services } = parse(file, { merge: true }) as {
    services: Record<string, { environment?: Record<string, unknown> }>;
  };
  const withQa = Object.values(services).filter(({ environment = {} }) => 'QA_TEXT' in environment);
  assert.ok(withQa.length >= 2);
  for (const { environment } of withQa) assert.equal(environment?.NODE_ENV, 'development');
});
