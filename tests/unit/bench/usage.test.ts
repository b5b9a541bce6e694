import assert from 'node:assert/strict';
import { test } from 'node:test';
import { infoNumber, metric, residentBytes } from '../../../bench/load/usage.ts';
import { openMetrics } from '../../../src/telemetry/metrics.ts';

test('a metric is the sum of its series, and a missing one is not a number', () => {
  const text = 'handles{type="a"} 3\nhandles{type="b"} 4\nhandles_more 9\nrss 5e+6\n';
  assert.deepEqual(
    [metric(text, 'handles'), metric(text, 'rss'), metric(text, 'none')],
    [7, 5_000_000, Number.NaN],
  );
});

test('the worker has every metric that a soak reads', async () => {
  const text = await openMetrics().text();
  const looked = ['process_resident_memory_bytes', 'nodejs_heap_size_used_bytes', 'nodejs_active_handles'];
  for (const name of [...looked, 'process_cpu_seconds_total']) assert.ok(metric(text, name) >= 0, name);
  // prom-client counts descriptors on Linux only.
  if (process.platform === 'linux') assert.ok(metric(text, 'process_open_fds') > 0);
});

test('numbers of Redis and of the kernel are read by their names', () => {
  assert.equal(
    infoNumber('# Memory\r\nused_memory:1048576\r\nused_memory_rss:7\r\n', 'used_memory'),
    1_048_576,
  );
  if (process.platform !== 'linux') return;
  const ratio = residentBytes(process.pid) / process.memoryUsage().rss;
  assert.ok(ratio > 0.5 && ratio < 2);
});
