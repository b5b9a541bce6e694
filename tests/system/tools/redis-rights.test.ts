/** The rights in Redis that the documents give the worker's user are enough for a worker and for the doctor. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { atom } from '../../../src/etf/index.ts';
import { eventually, startHarness } from '../../harness/harness.ts';
import { profilectl } from '../../harness/profilectl.ts';
import { fieldsOf, profile } from '../../harness/terms.ts';

test('deploy/redis/worker-rights lets a worker answer, and the doctor finds nothing that is missing', async (t) => {
  const rights = await readFile(new URL('../../../deploy/redis/worker-rights', import.meta.url), 'utf8');
  const harness = await startHarness({ workers: 0, redis: {} });
  t.after(() => harness.stop());
  await harness.database.call('ACL', 'SETUSER', 'profile', 'on', '>PASSWORD', ...rights.trim().split(' '));
  const settings = { REDIS_URL: harness.redis.url.replace('//', '//profile:PASSWORD@') };
  const worker = await harness.startWorker(settings);
  await eventually('the worker is ready', async () => (await worker.page('/readyz')).status === 200);
  const phone = await harness.phone();
  const answer = await phone.ask(profile({ phone: phone.number, status: 'set' }));
  assert.deepEqual(fieldsOf(answer).status, atom('set'));

  const environment = { MQTT_URL: harness.broker.url, NODE_ENV: 'test', ...settings };
  const { stdout } = await profilectl(environment, 'doctor', '--json');
  const findings = JSON.parse(stdout) as { check: string; state: string; saw: string }[];
  const ofRedis = findings.filter(({ check }) => check.startsWith('redis'));
  assert.ok(ofRedis.length >= 4, stdout);
  const missing = ofRedis.filter(({ state, saw }) => state === 'failed' && !saw.includes('maxmemory'));
  assert.deepEqual(missing, []);
});
