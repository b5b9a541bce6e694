import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { watchReadiness } from '../../../../dev/page/readiness.ts';
import { startRedis } from '../../../../dev/servers/redis.ts';
import { eventually } from '../../../harness/eventually.ts';

test('Redis and each worker are told with their causes, and for how long', async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const redis = new Redis(server.url, { lazyConnect: true }).on('error', () => undefined);
  t.after(() => redis.disconnect());
  let body = 'redis: not connected\nbroker 1: subscribing\n';
  const http = createServer((_, response) => response.writeHead(body === 'ready\n' ? 200 : 503).end(body));
  await once(http.listen(0, '127.0.0.1'), 'listening');
  t.after(() => http.close());
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  let workers = [
    { name: 'worker-1', url },
    { name: 'worker-2', url: 'http://127.0.0.1:9' },
  ];
  let clock = 1000;
  const look = watchReadiness({ redis, workers: async () => workers }, () => clock);

  const part = (name: string, causes: string[], forSeconds: number) => ({
    kind: name === 'Redis' ? 'redis' : 'worker',
    name,
    causes,
    forSeconds,
  });
  await look();
  clock += 7900;
  assert.deepEqual(await look(), [
    part('Redis', [], 7),
    part('worker-1', ['redis: not connected', 'broker 1: subscribing'], 7),
    part('worker-2', ['no answer'], 7),
  ]);
  // Another cause is not another outage.
  body = 'broker 1: subscribing\n';
  clock += 1000;
  assert.deepEqual((await look())[1], part('worker-1', ['broker 1: subscribing'], 8));
  body = 'ready\n';
  await server.kill('SIGKILL');
  await eventually('Redis is missed', async () => {
    const [first, second] = await look();
    assert.deepEqual(second, part('worker-1', [], 0));
    return first?.causes[0] === 'no connection' && first.forSeconds === 0;
  });
  workers = [];
  assert.deepEqual((await look())[1], {
    kind: 'no-worker',
    name: 'a worker',
    causes: ['none is found'],
    forSeconds: 0,
  });
  await server.restart();
  await eventually('Redis is back', async () => (await look())[0]?.causes.length === 0);
});
