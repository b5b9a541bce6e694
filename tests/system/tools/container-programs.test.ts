/** The programs that the image brings besides the worker: its entry point, and what its health check asks. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../../dev/servers/process.ts';
import { EXIT_CONFIG } from '../../../src/config/error.ts';
import { eventually, startHarness } from '../../harness/harness.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const harness = await startHarness({ redis: {} });
after(() => harness.stop());

const healthy = (port: number, ...words: string[]): number | null =>
  spawnSync(join(root, 'deploy/container/healthy'), words, {
    env: { PATH: process.env.PATH, HTTP_PORT: `${port}` },
  }).status;

/** As the image starts it, with the program of this folder and no settings. */
const enter = (...words: string[]) =>
  spawnSync(join(root, 'deploy/container/entrypoint'), words, {
    encoding: 'utf8',
    env: { PATH: process.env.PATH, APP: root },
  });

test('a worker is healthy while it is ready, and not while Redis or the worker itself is away', async () => {
  const { port } = harness.worker.process;
  await eventually('the worker is ready', () => healthy(port, '/readyz') === 0);
  assert.equal(healthy(port, '/livez'), 0);
  assert.equal(healthy(port), 0);
  assert.equal(healthy(port, '/nothing-there'), 1);
  await harness.redis.kill('SIGTERM');
  await eventually('the worker is not ready', () => healthy(port, '/readyz') === 1);
  assert.equal(healthy(port, '/livez'), 0, 'it lives');
  await harness.redis.restart();
  await eventually('the worker is ready again', () => healthy(port, '/readyz') === 0);
  await harness.worker.process.kill('SIGSTOP');
  assert.equal(healthy(port, '/livez'), 1);
  await harness.worker.process.kill('SIGCONT');
  const silent = await freePort();
  assert.equal(healthy(silent, '/livez'), 1);
  assert.equal(healthy(silent), 1);
});

test('the entry point knows the worker and profilectl, and nothing else', () => {
  const help = enter('profilectl', '--help');
  assert.equal(help.status, 0, help.stderr);
  assert.match(help.stdout, /^Usage: profilectl /);
  for (const words of [[], ['worker']]) {
    const worker = enter(...words);
    assert.equal(worker.status, EXIT_CONFIG);
    assert.match(worker.stderr, /^cannot start, 2 setting\(s\) to mend/);
  }
  const other = enter('node', '--version');
  assert.equal(other.status, EXIT_CONFIG);
  assert.match(other.stderr, /this image runs 'worker' or 'profilectl \.\.\.', not 'node'/);
});

test('a worker takes no arguments, so that nobody starts one by mistake', () => {
  const words = ['worker', 'profilectl', 'doctor'];
  const { status, stderr } = enter(...words);
  assert.equal(status, EXIT_CONFIG);
  assert.match(stderr, /^ {2}main\.js takes no arguments/m);
});
