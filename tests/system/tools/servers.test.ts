/** The servers of tests, benchmarks and `npm run dev`: they start, restart with their data, and leave nothing. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import { startServer } from '../../../dev/servers/process.ts';
import { startRedis } from '../../../dev/servers/redis.ts';

test('a broker that cannot start reports why, and leaves no folder', async (t) => {
  const first = await startMosquitto();
  t.after(() => first.stop());
  await assert.rejects(startMosquitto({ port: first.port }), /did not start.*Address already in use/s);
  await assert.rejects(
    startMosquitto({ extraConfig: 'nonsense 1' }),
    /Unknown configuration variable ["']nonsense["']/,
  );
});

test('a server is waited for until it serves: its kernel takes connections before', async (t) => {
  const program = `
    const { readFileSync, writeFileSync } = require('node:fs');
    const server = require('node:net').createServer((socket) => socket.on('error', () => undefined).end());
    server.listen(Number(readFileSync('port', 'utf8')), '127.0.0.1', () => {
      console.log('listening');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
      writeFileSync('serving', '');
    });`;
  const server = await startServer({
    command: 'node',
    arguments: ['--eval', program],
    ready: /listening/,
    protocol: 'tcp',
    configure: (folder, port) => writeFile(join(folder, 'port'), `${port}`),
  });
  t.after(() => server.stop());
  assert.ok(existsSync(join(server.folder, 'serving')));
});

test('stop() removes the folder and may be called twice', async () => {
  const broker = await startMosquitto();
  assert.ok(existsSync(broker.folder));
  await broker.stop();
  await broker.stop();
  assert.equal(existsSync(broker.folder), false);
  assert.equal(broker.pid, undefined);
});

test('Redis has its data again after a restart, on the same port', async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  await write(redis.url);
  const { url } = redis;
  await redis.restart();
  assert.equal(redis.url, url);
  assert.equal(await read(url), 'value');
});

test('Redis with appendonly has its data again even when it was killed or frozen', async (t) => {
  const redis = await startRedis({ appendonly: true });
  t.after(() => redis.stop());
  await write(redis.url);
  await redis.kill('SIGKILL');
  assert.equal(redis.pid, undefined);
  await redis.restart();
  assert.equal(await read(redis.url), 'value');
  await redis.kill('SIGSTOP'); // stop() still ends it.
});

test('the servers of a process that is killed with SIGKILL end with it', {
  skip: process.platform !== 'linux' && 'only Linux can do this',
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'profile-owner-'));
  t.after(() => rm(folder, { recursive: true }));
  const module = new URL('../../../dev/servers/redis.ts', import.meta.url).href;
  const script = `import { startRedis } from '${module}'; console.log((await startRedis({ folder: '${folder}' })).pid)`;
  const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', script]);
  const [pid] = (await once(createInterface(owner.stdout), 'line')) as [string];
  assert.ok(await isRunning(pid));
  owner.kill('SIGKILL');
  while (await isRunning(pid)) await delay(10);
});

async function write(url: string): Promise<void> {
  const client = new Redis(url);
  await client.set('key', 'value');
  client.disconnect();
}

async function read(url: string): Promise<string | null> {
  const client = new Redis(url);
  return client.get('key').finally(() => client.disconnect());
}

/** An exited process whose exit code nobody has read is a zombie, state Z. */
async function isRunning(pid: string): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'State:\tX');
  return !/^State:\t[ZX]/m.test(status);
}
