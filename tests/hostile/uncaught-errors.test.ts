/** An error that nothing in the worker has caught: one line tells it, without what a client sent, and the process ends. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually, startHarness } from '../harness/harness.ts';
import { workerArguments } from '../harness/program.ts';

const harness = await startHarness({ workers: 0 });
after(async () => {
  await harness.stop();
  rmSync(folder, { recursive: true });
});

/** As ioredis has it: with the command, and the text of Redis, which quotes arguments of a command that it does not know. */
const failing = `
  const error = () => Object.assign(
    new Error("ERR unknown command 'hset', with args beginning with: 'hunter2' 'hunter2' "),
    { name: 'ReplyError', command: { name: 'hset', args: ['hunter2'] } },
  );
  process.on('SIGUSR2', () => void Promise.reject(error()));
  process.on('SIGWINCH', () => { throw error(); });
  process.on('exit', (code) => process.stdout.write('exit code ' + code + '\\n'));
`;
const folder = mkdtempSync(join(tmpdir(), 'uncaught-'));
const preload = join(folder, 'failing.mjs');
writeFileSync(preload, failing);

for (const [what, signal] of [
  ['a rejection', 'SIGUSR2'],
  ['an exception', 'SIGWINCH'],
] as const)
  test(`${what}: a fatal line, exit code 1, and nothing that a client sent`, async () => {
    const worker = await harness.startWorker({}, ['--import', preload, ...workerArguments]);
    await worker.process.kill(signal);
    const log = () => worker.process.log();
    const fatal = () => worker.log().filter(({ level }) => level === 'fatal');
    await eventually('it ends', () => worker.process.pid === undefined && /^exit code/m.test(log()));
    assert.match(log(), /^exit code 1$/m);
    await eventually('it has said why', () => fatal().length > 0);
    const [line, ...others] = fatal();
    assert.deepEqual(others, []);
    assert.equal(
      line?.msg,
      'stopped by an error that nothing has caught: the broker redelivers what is left',
    );
    assert.match(JSON.stringify(line?.err), /"type":"ReplyError","message":"ERR unknown command 'hset'"/);
    assert.doesNotMatch(log(), /hunter2/);
  });
