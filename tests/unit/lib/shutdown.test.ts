import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Shutdown } from '../../../src/lib/shutdown.ts';

test('steps run one after another, the last added first, and once for two calls', async () => {
  const shutdown = new Shutdown();
  const ran: string[] = [];
  shutdown.add(() => ran.push('first added'));
  shutdown.add(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    ran.push('last added');
  });
  assert.equal(shutdown.isRunning, false);
  await Promise.all([shutdown.run(), shutdown.run()]);
  assert.equal(shutdown.isRunning, true);
  assert.deepEqual(ran, ['last added', 'first added']);
});

test('a best-effort step that fails or never ends does not stop the others', async () => {
  const shutdown = new Shutdown();
  const ran: string[] = [];
  shutdown.add(() => ran.push('first added'));
  shutdown.addBestEffort(() => new Promise(() => ran.push('endless')));
  shutdown.addBestEffort(() => Promise.reject(new Error('away')));
  await shutdown.run();
  assert.deepEqual(ran, ['endless', 'first added']);
});

test('another step that fails ends the shutdown with its error', async () => {
  const shutdown = new Shutdown();
  shutdown.add(() => assert.fail('does not run'));
  shutdown.add(() => Promise.reject(new Error('broken')));
  await assert.rejects(shutdown.run(), /broken/);
});
