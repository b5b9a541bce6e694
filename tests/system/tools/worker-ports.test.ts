/** The ports of `npm run dev`: none that others are given, and a worker whose port was taken starts on another. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../../../dev/servers/process.ts';
import { WorkerProcess } from '../../../dev/workers.ts';

/** A program that answers as a worker does. */
const program = `
import { createServer } from 'node:http';
createServer((_, response) => response.end('worker')).listen(process.env.HTTP_PORT, '127.0.0.1');
process.once('SIGTERM', () => process.exit(0));
`;

test('free ports lie below those that the kernel gives to connections, and are given once', async () => {
  const ports = await Promise.all(Array.from({ length: 50 }, freePort));
  assert.equal(new Set(ports).size, 50);
  const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  for (const port of ports) assert.ok(port < Number(range.split('\t')[0]), `${port} is in ${range}`);
});

test('a worker whose port another program has taken while it was down starts on another', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'worker-ports-'));
  const file = join(folder, 'worker.mjs');
  await writeFile(file, program);
  const lines: string[] = [];
  const options = {
    name: 'worker-1',
    file,
    settings: {},
    hasColours: false,
    print: (line: string) => lines.push(line),
  };
  const worker = await WorkerProcess.start(options);
  const taken = worker.httpPort;
  await worker.stop();
  const thief = createServer((_, response) => response.end('not a worker')).listen(taken, '127.0.0.1');
  t.after(async () => {
    await worker.stop();
    thief.close();
    thief.closeAllConnections();
    await rm(folder, { recursive: true });
  });
  await once(thief, 'listening');
  await worker.start();
  assert.notEqual(worker.httpPort, taken);
  assert.equal(await (await fetch(`http://127.0.0.1:${worker.httpPort}/readyz`)).text(), 'worker');
  assert.ok(
    lines.some((line) => line.includes(`port ${taken} is taken`)),
    lines.join('\n'),
  );
  assert.equal(worker.failed, false);
});
