/** The broker plugin under valgrind: 10,000 publishes of every shape leak nothing and touch no foreign memory. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { MqttClient } from 'mqtt';
import { mosquitto } from '../../../dev/servers/installed.ts';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import type { Server } from '../../../dev/servers/process.ts';
import { encode } from '../../../src/etf/index.ts';
import { eventually } from '../../harness/eventually.ts';
import { connectClient } from '../../harness/mqtt-clients.ts';
import { startProductionBroker } from '../../harness/production-broker.ts';
import { profile } from '../../harness/terms.ts';

const PUBLISHES = 10_000;
const REPORT = 'valgrind.txt';
const VALGRIND = [
  'valgrind',
  '--leak-check=full',
  '--errors-for-leak-kinds=definite,indirect,possible',
  '--keep-debuginfo=yes', // The broker unloads the plugin before valgrind lists the leaks.
  '--track-origins=no',
  '--num-callers=30',
  `--log-file=${REPORT}`,
];

const isScript = mosquitto.includes('/') && readFileSync(mosquitto, 'latin1').startsWith('#!');
const impossible =
  (process.platform === 'darwin' && 'valgrind does not run on macOS') ||
  (isScript && 'valgrind does not follow the script in MOSQUITTO to the broker');

/** One way to publish; the count is split evenly over all of them. */
interface Shape {
  readonly clientId: string;
  readonly protocolVersion?: 4 | 5;
  readonly topic: string;
  readonly qos: 0 | 1 | 2;
  readonly retain?: boolean;
  readonly refused?: boolean;
  /** Default a short one. */
  readonly payload?: Buffer;
  /** How many of each 1250; fewer for shapes whose topics are very long. */
  readonly share?: number;
}

const BARE = 'events/1//api/anon//';
const FORGED = 'events/1/node/api/anon/victim-with-a-name-longer-than-mine/token';
const shapes: readonly Shape[] = [
  { clientId: 'bare0', topic: BARE, qos: 0 },
  { clientId: 'bare1', topic: BARE, qos: 1, protocolVersion: 4 },
  { clientId: 'bare2', topic: BARE, qos: 2 },
  { clientId: 'f', topic: FORGED, qos: 1 },
  { clientId: 'forge2', topic: FORGED, qos: 2, protocolVersion: 4 },
  { clientId: 'retained', topic: FORGED, qos: 1, retain: true, refused: true },
  { clientId: 'other', topic: 'events/1//api/anon/more/levels/here', qos: 1 },
  { clientId: 'a/b', topic: FORGED, qos: 1, refused: true },
  { clientId: '#', topic: BARE, qos: 2, refused: true },
  { clientId: 'large', topic: BARE, qos: 1, payload: Buffer.alloc(524_289), refused: true, share: 100 },
  { clientId: 'x'.repeat(65_000), topic: BARE, qos: 1, share: 100 },
  { clientId: 'y'.repeat(65_530), topic: FORGED, qos: 1, refused: true, share: 100 },
];

test('10,000 publishes of every shape: no leak, no invalid access', {
  skip: impossible,
}, async (t) => {
  assert.equal(
    spawnSync('valgrind', ['--version']).status,
    0,
    'valgrind is not installed; it looks for memory faults in the broker plugin (Debian: apt-get install valgrind)',
  );
  const broker = await startMosquitto({
    under: VALGRIND,
    extraConfig: 'log_type warning\nlog_type notice\nlog_type information',
  });
  t.after(() => broker.stop());
  await leaveWills(t, broker);
  await publishAll(t, broker);
  await broker.kill('SIGTERM');
  const report = await readFile(join(broker.folder, REPORT), 'utf8');
  assert.match(report, /ERROR SUMMARY: 0 errors/, report);
  assert.match(report, /All heap blocks were freed|definitely lost: 0 bytes/, report);
});

test('hints to 150 clients, of workers that come, leave and are cut off: no leak, no invalid access', {
  skip: impossible,
}, async (t) => {
  const broker = await startMosquitto({ under: VALGRIND, hints: true });
  t.after(() => broker.stop());
  const watcher = await connectClient(t, broker.url, { clientId: 'watcher' });
  let hints = 0;
  watcher.on('message', (_, payload) => {
    if (payload.length > 0) hints++;
  });
  await watcher.subscribeAsync('qa/#');
  const filter = '$share/profile/events/1/+/api/+/+/+';
  for (let number = 0; number < 150; number++) {
    const clientId = number % 50 === 49 ? 'z'.repeat(65_530) : `client-${number}`;
    const client = await connectClient(t, broker.url, { clientId });
    await client.publishAsync(BARE, 'request', { qos: (number % 3) as 0 | 1 | 2 }).catch(() => undefined);
    await client.publishAsync('/events', 'request', { qos: 0 });
    await client.endAsync();
    if (number % 40 !== 39) continue;
    const worker = await connectClient(t, broker.url, { clientId: `profile-${number}` });
    await worker.subscribeAsync(filter);
    await worker.subscribeAsync(filter);
    if (number < 80) await worker.unsubscribeAsync(filter);
    await worker.endAsync(number > 100);
  }
  const last = await connectClient(t, broker.url, { clientId: 'profile-last' });
  await last.subscribeAsync(filter);
  // The broker gives 100 of them a second at most, so how many depends on how fast the clients come.
  await eventually('the watcher hears hints', () => hints > 50);
  await broker.kill('SIGTERM');
  const report = await readFile(join(broker.folder, REPORT), 'utf8');
  assert.match(report, /ERROR SUMMARY: 0 errors/, report);
  assert.match(report, /All heap blocks were freed|definitely lost: 0 bytes/, report);
});

test('logins of phones with their number, and of users who are bound to their client ids: no leak, no invalid access', {
  skip: impossible,
}, async (t) => {
  const broker = await startProductionBroker({
    connectionsPerMinute: 0,
    under: VALGRIND,
    sharedUsers: 'other,api',
    init: 'api,x',
    deliver: 'ses',
  });
  t.after(() => broker.server.stop());
  const login = broker.login('steward');
  for (let number = 0; number < 100; number++) {
    // The number is replaced by the client id, which is the user whose password this is, or is not.
    const clientId = number % 2 === 0 ? 'steward' : `${number % 4 === 1 ? 'nobody' : 'profile'}-${number}`;
    const connecting = connectClient(t, broker.server.url, {
      ...login,
      clientId,
      username: number % 8 < 4 ? '380501112233' : 'api',
    });
    if (number % 2 === 0) await (await connecting).endAsync();
    else await assert.rejects(connecting, /not authorized/i);
    const bound = { ...broker.login('qa'), clientId: number % 2 === 0 ? `qa-${number}` : 'x'.repeat(65_000) };
    const reading = connectClient(t, broker.server.url, bound);
    if (number % 2 === 0) await (await reading).endAsync();
    else await assert.rejects(reading, /not authorized/i);
  }
  await broker.server.kill('SIGTERM');
  const report = await readFile(join(broker.server.folder, REPORT), 'utf8');
  // The other plugin leaks by itself; only the memory of ours counts here.
  assert.match(report, /ERROR SUMMARY/);
  assert.doesNotMatch(report, /phone_login|client_binding|client_delivery|Invalid (read|write)/, report);
});

test('answers and notices for clients that come, ask, and go without a subscription: no leak, no invalid access', {
  skip: impossible,
}, async (t) => {
  const broker = await startMosquitto({ persistence: false, deliver: 'actions,ses', under: VALGRIND });
  t.after(() => broker.stop());
  const worker = await connectClient(t, broker.url, { clientId: 'worker' });
  const properties = { correlationData: Buffer.from('c') };
  let heard = 0;
  for (let number = 0; number < 200; number++) {
    const clientId = `emqttd_${number % 150}`;
    const phone = `3805${10_000 + (number % 20)}`;
    const client = await connectClient(t, broker.url, { clientId, clean: number % 3 > 0 }, () => heard++);
    await client.publishAsync(BARE, 'a request', { qos: 1 });
    const answer = (status: string) => encode(profile({ phone, status }));
    for (const payload of [
      answer('get'),
      '',
      answer('set').subarray(0, 20),
      number % 5 ? 'no' : answer('remove'),
    ])
      await worker.publishAsync(`actions/1/api/${clientId}`, payload, { qos: 1, properties });
    await worker.publishAsync(`ses/${phone}`, 'a notice', { qos: 1, properties });
    await worker.publishAsync('ses/12', 'of no phone', { qos: 2 });
    if (number % 4 === 0) await client.subscribeAsync(`ses/${phone}`, { qos: 1 });
    if (number % 2 === 0) client.stream.destroy();
  }
  await eventually('clients hear', () => heard > 500);
  await broker.kill('SIGTERM');
  const report = await readFile(join(broker.folder, REPORT), 'utf8');
  assert.match(report, /ERROR SUMMARY: 0 errors/, report);
});

/** Wills in another's name, which the plugin publishes again, and retained ones. */
async function leaveWills(t: TestContext, broker: Server): Promise<void> {
  const reader = await connectClient(t, broker.url, { clientId: 'reader' });
  await reader.subscribeAsync('events/#', { qos: 1 });
  let heard = 0;
  reader.on('message', (topic) => {
    if (/^events\/1\/node\/api\/anon\/will\d+\/token$/.test(topic)) heard++;
  });
  for (let number = 0; number < 50; number++) {
    const will = { topic: FORGED, payload: Buffer.from('will'), qos: 1 as const, retain: number % 2 === 0 };
    const client = await connectClient(t, broker.url, { clientId: `will${number}`, will });
    client.stream.destroy();
  }
  await eventually('the wills come', () => heard === 25);
  await reader.endAsync();
}

async function publishAll(t: TestContext, broker: Server): Promise<void> {
  const worker = await connectClient(t, broker.url, {
    clientId: 'worker',
    properties: { receiveMaximum: 256 },
  });
  await worker.subscribeAsync('$share/profile/events/1/+/api/+/+/+', { qos: 1 });
  const short = shapes.filter(({ share }) => share === undefined).length;
  const long = shapes.reduce((sum, { share = 0 }) => sum + share, 0);
  const each = Math.ceil((PUBLISHES - long) / short);
  await Promise.all(
    shapes.map(async (shape) => {
      const { clientId, protocolVersion = 5, share = each } = shape;
      const client = await connectClient(t, broker.url, { clientId, protocolVersion });
      for (let sent = 0; sent < share; sent += 50)
        await publishSome(client, shape, Math.min(50, share - sent));
    }),
  );
}

async function publishSome(client: MqttClient, shape: Shape, count: number): Promise<void> {
  const { topic, qos, retain = false, refused = false, payload = 'payload' } = shape;
  const userProperties = { traceparent: ['one', 'two'], empty: '' };
  const properties = { correlationData: Buffer.from('c'), responseTopic: 'actions/1/api/x', userProperties };
  const publishes = Array.from({ length: count }, () =>
    client.publishAsync(topic, payload, { qos, retain, properties }),
  );
  const results = await Promise.allSettled(publishes);
  const wanted = refused ? 'rejected' : 'fulfilled';
  assert.equal(results.filter(({ status }) => status === wanted).length, count, `${topic} ${wanted}`);
}
