/** Wills as requests: a client that breaks off its connection again and again asks no more than its limit lets in. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { request } from '../../bench/flood/payloads.ts';
import { Device } from '../../bench/load/device.ts';
import { eventually, startHarness } from '../harness/harness.ts';
import { watch } from '../harness/mqtt-clients.ts';
import { fieldsOf, profile } from '../harness/terms.ts';

const WILLS = 120;
const BURST = 10;

/** A packet of a kind that MQTT 3.1.1 does not have. */
const notMqtt = Buffer.of(0xf0, 0);

const harness = await startHarness({
  workers: 2,
  settings: { CLIENT_RATE: '1', CLIENT_BURST: `${BURST}`, LOG_LEVEL: 'info' },
});
after(() => harness.stop());

/** The sum over the workers of what a metric counts with these labels. */
async function counted(metric: string, labels: string): Promise<number> {
  const pages = await Promise.all(harness.workers.map((worker) => worker.page('/metrics')));
  const line = RegExp(`^profile_${metric}\\{${labels}[^}]*\\} (\\d+)$`, 'gm');
  const counts = pages.flatMap(({ body }) => [...body.matchAll(line)].map(([, count]) => Number(count)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Connects with a will and has the broker end the connection, again and again. */
async function breakOff(client: string, phone: string, retain: boolean): Promise<void> {
  const address = { host: '127.0.0.1', port: harness.broker.port };
  const will = { topic: `events/1//api/anon/${client}/`, payload: request(phone, 'update'), retain };
  for (let count = 0; count < WILLS; count++) {
    const device = await Device.connect(address, client, { qos: 1, numbers: [], will });
    await new Promise<void>((resolve) => {
      device.onBroken = () => resolve();
      device.write(notMqtt);
    });
  }
}

test('120 wills of one client that ask: few are let in, the rest are refused, and others are answered', async () => {
  const [client, phone] = ['breaks-off', '380671112233'];
  await harness.signIn(client, phone);
  const neighbour = await harness.phone();
  await neighbour.ask(profile({ phone: neighbour.number, status: 'set' }));
  const begun = performance.now();
  const breaking = breakOff(client, phone, false);
  for (let round = 0; round < 5; round++)
    fieldsOf(await neighbour.ask(profile({ phone: neighbour.number, status: 'get' })));
  await breaking;
  const letIn = () => counted('requests_total', 'kind="update",result="not_found"');
  const refused = () => counted('requests_total', 'kind="update",result="too_many_requests"');
  await eventually('all are answered', async () => (await letIn()) + (await refused()) === WILLS);
  const allowed = 2 * BURST + (performance.now() - begun) / 1_000;
  assert.ok((await letIn()) <= allowed, `${await letIn()} are let in, of ${allowed.toFixed(0)} allowed`);
});

test('wills that are to be retained ask nothing, and are not retained', async (t) => {
  const [client, phone] = ['would-stay', '380671112244'];
  await harness.signIn(client, phone);
  await breakOff(client, phone, true);
  const fence = await harness.phone();
  await fence.ask(profile({ phone: fence.number, status: 'get' }));
  const watcher = await watch(t, harness.broker.url, 'events/#');
  assert.deepEqual(await watcher.after(watcher.client), []);
});
