/** A worker whose Redis is of no use while it starts: the start goes on with a cause, and can be stopped. */
import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import { eventually } from '../../harness/eventually.ts';
import { startWorker, type WorkerUnderTest } from '../../harness/worker.ts';

/** Starts a worker on a server that answers each connection in its own way. */
async function startOn(
  t: TestContext,
  answer: (client: Socket) => void,
): Promise<{ worker: WorkerUnderTest; connections: () => number }> {
  let connections = 0;
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    connections++;
    clients.add(client.on('error', () => undefined).on('close', () => clients.delete(client)));
    answer(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const broker = await startMosquitto({ persistence: false });
  const { port } = server.address() as AddressInfo;
  const settings = {
    MQTT_URL: broker.url,
    MQTT_CLIENT_ID: 'profile-1',
    REDIS_URL: `redis://worker:secret@127.0.0.1:${port}`,
  };
  const worker = await startWorker(settings, { ready: /"msg":"starting"/ });
  t.after(async () => {
    await worker.process.stop();
    for (const client of clients) client.destroy();
    server.close();
    await broker.stop();
  });
  return { worker, connections: () => connections };
}

test('an error that is not known ends the wait for Redis, and is shown with its words, but for what it quotes', async (t) => {
  const { worker } = await startOn(t, (client) => {
    client.setEncoding('utf8').on('data', (text: string) => {
      for (const _ of text.matchAll(/^\*\d/gm)) client.write("-ERR out of order, 'secret'\r\n");
    });
  });
  await eventually('it is at the broker, and says why it is not ready', async () => {
    const { status, body } = await worker.page('/readyz');
    const says = /^redis: an error that is not known \(ERR out of order,\); compare REDIS_URL/m;
    return status === 503 && says.test(body) && !body.includes('broker: not connected yet');
  });
  assert.equal(await worker.metric('profile_redis_fault{cause="other"}'), 1);
  assert.doesNotMatch(worker.process.log(), /secret/);
  await worker.process.kill('SIGTERM');
  assert.ok(worker.log().some(({ msg }) => msg === 'stopped'));
});

test('a worker that is stopped while its start waits for Redis exits', async (t) => {
  const { worker, connections } = await startOn(t, () => undefined);
  await eventually('it waits for Redis', () => connections() >= 2);
  await worker.process.kill('SIGTERM');
  const lines = new Set(worker.log().map(({ msg }) => msg));
  assert.ok(lines.has('stopping') && lines.has('stopped') && !lines.has('not ready'), [...lines].join());
});
