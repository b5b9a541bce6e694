/** A log that cannot be written: the worker serves on, says so, and ends as it should. */
import assert from 'node:assert/strict';
import { type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { freePort } from '../../dev/servers/process.ts';
import { eventually, startHarness } from '../harness/harness.ts';
import { profile, refusal } from '../harness/terms.ts';
import { commandLine, readPage, writeSettings } from '../harness/worker.ts';

const harness = await startHarness({ workers: 0 });
const folder = mkdtempSync(join(tmpdir(), 'lost-log-'));
after(async () => {
  await harness.stop();
  rmSync(folder, { recursive: true });
});

for (const [what, output, trouble] of [
  ['a full disk', openSync('/dev/full', 'w'), /^log: cannot be written: the disk is full$/m],
  ['a pipe that nobody reads any more', 'pipe', /^log: cannot be written: standard output is closed/m],
] as const) {
  test(`standard output on ${what}: requests are answered, /readyz names the cause, SIGTERM ends it with 0`, async () => {
    const file = join(folder, 'settings');
    const port = await freePort();
    const settings = { MQTT_URL: harness.broker.url, REDIS_URL: harness.redis.url, LOG_LEVEL: 'trace' };
    await writeSettings(file, settings, port);
    const [command, ...rest] = commandLine(file);
    const stdio: StdioOptions = ['ignore', output, 'ignore'];
    const child = spawn(command, rest, { stdio });
    child.stdout?.destroy();
    const page = async () => await readPage(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    await eventually('it is ready', async () => child.exitCode !== null || (await page())?.status === 200);
    assert.equal(child.exitCode, null);

    const phone = await harness.phone();
    for (let count = 0; count < 20; count++) {
      const answer = await phone.ask(profile({ phone: phone.number, status: 'get' }));
      assert.deepEqual(answer, refusal('not_found'));
    }
    assert.match((await page())?.body ?? '', trouble);
    child.kill('SIGTERM');
    const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
    assert.equal(code, 0);
  });
}
