/** Many who scrape at once cost one collection of the registry. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cached } from '../../../src/lib/cached.ts';
import { serveHttp } from '../../../src/telemetry/http.ts';
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
