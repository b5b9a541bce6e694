/** Many who scrape at once cost one collection of the registry; and a server that cannot accept them does not end. */
import assert from 'node:assert/strict';
import { subscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:http';
import { test } from 'node:test';
import { cached } from '../../../src/lib/cached.ts';
import { serveHttp } from '../../../src/telemetry/http.ts';
import { openLog } from '../../../src/telemetry/log.ts';
import { openMetrics } from '../../../src/telemetry/metrics.ts';

test('within a second /metrics is collected once, however many ask', async (t) => {
  const metrics = openMetrics();
  let now = 0;
  let collected = 0;
  metrics.limiter({
    name: 'mail',
    get running() {
      collected++;
      return 0;
    },
    waiting: 0,
  });
  const page = async () => ({ text: await metrics.text(), contentType: metrics.contentType });
  const server = await serveHttp(0, '127.0.0.1', {
    troubles: () => [],
    metrics: cached(1000, page, () => now),
  });
  t.after(() => server.close());
  const scrape = async () => (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  const pages = await Promise.all(Array.from({ length: 50 }, scrape));
  assert.equal(new Set(pages).size, 1);
  assert.equal(collected, 1);
  now = 1000;
  await scrape();
  assert.equal(collected, 2);
});

test('connections that cannot be accepted are logged once until one is accepted, and end nothing', async (t) => {
  const lines: string[] = [];
  const log = openLog('info', { write: (line: string) => void lines.push(line) });
  const metrics = async () => ({ text: '', contentType: 'text/plain' });
  const { port, close } = await serveHttp(0, '127.0.0.1', { troubles: () => [], metrics }, log);
  t.after(close);
  const servers: Server[] = [];
  subscribe('http.server.request.start', (message) => {
    servers.push((message as { readonly server: Server }).server);
  });
  const ready = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`, { headers: { connection: 'close' } });
    return response.text();
  };
  const fail = (): void => {
    // As Node tells it; the system itself cannot be brought to it here.
    servers[0]?.emit('error', Object.assign(new Error('accept ENFILE'), { code: 'ENFILE' }));
  };
  assert.equal(await ready(), 'ready\n');
  for (let count = 0; count < 100; count++) fail();
  assert.equal(lines.length, 1);
  assert.match(lines.join(''), /accept ENFILE.*the HTTP server cannot accept a connection/);
  assert.equal(await ready(), 'ready\n');
  fail();
  assert.equal(lines.length, 2);
});
