/** QA at a secured broker, as `profilectl broker init` makes it: a tester asks as itself and reads all, and no more. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { selfSignedCertificate } from '../../dev/servers/certificate.ts';
import { startMosquitto } from '../../dev/servers/mosquitto.ts';
import { startRedis } from '../../dev/servers/redis.ts';
import { requests } from '../../src/handlers/index.ts';
import { Explorer } from '../harness/explorer.ts';
import { eventually } from '../harness/harness.ts';
import { connectClient } from '../harness/mqtt-clients.ts';
import { profilectl } from '../harness/profilectl.ts';
import { startWorker } from '../harness/worker.ts';

const phone = '380501112233';
const folder = await mkdtemp(join(tmpdir(), 'profile-invite-'));
const security = join(folder, 'dynamic-security.json');
const init = await profilectl({}, 'broker', 'init', '--file', security);
const passwords = new Map(
  init.stdout
    .trim()
    .split('\n')
    .map((line) => line.split(' ') as [string, string]),
);
const certificate = await selfSignedCertificate();
const broker = await startMosquitto({
  persistence: false,
  hints: true,
  production: { security: await readFile(security, 'utf8'), certificate },
});
const redis = await startRedis();
const settingsOf = (user: string) => ({
  MQTT_URL: broker.url,
  MQTT_USERNAME: user,
  MQTT_PASSWORD: passwords.get(user) ?? '',
  MQTT_CA: certificate.cert.toString(),
  REDIS_URL: redis.url,
});
const file = join(folder, 'olena.json');
const invite = (client: string, ...more: string[]) =>
  profilectl(settingsOf('admin'), 'qa', 'invite', '--phone', phone, '--client', client, ...more);
const invited = await invite('tester-olena', '--file', file);
const worker = await startWorker({
  ...settingsOf('worker'),
  MQTT_CLIENT_ID: 'profile-1',
  NODE_ENV: 'test',
  QA_TEXT: 'on',
  QA_MIRROR: 'on',
});
after(async () => {
  await worker.process.stop();
  await Promise.all([broker.stop(), redis.stop(), rm(folder, { recursive: true })]);
});

interface Connection {
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  readonly host: string;
  readonly port: number;
  readonly encryption: boolean;
  readonly subscriptions: readonly { readonly topic: string }[];
  readonly selfSignedCertificate: { readonly data: string };
}
let connection: Connection;
before(async () => {
  assert.equal(invited.exitCode, 0, invited.stderr);
  // MQTT Explorer reads its connections from this key of its settings.json, by their ids.
  const { ConnectionManager_connections: all } = JSON.parse(await readFile(file, 'utf8')) as {
    ConnectionManager_connections: Record<string, Connection & { id: string; configVersion: number }>;
  };
  assert.ok(Object.entries(all).every(([key, { id, configVersion }]) => key === id && configVersion === 1));
  assert.ok(all['tester-olena']);
  connection = all['tester-olena'];
});

const login = () => ({
  username: connection.username,
  password: connection.password,
  ca: Buffer.from(connection.selfSignedCertificate.data, 'base64'),
  protocolVersion: 4 as const,
});

async function open(): Promise<Explorer> {
  const tester = new Explorer(connection.clientId, phone);
  const topics = connection.subscriptions.map(({ topic }) => topic);
  return tester.connect(broker.url, login(), topics, 0);
}

test('the printed fields are those of the file, which is the owner’s alone', async () => {
  const { host, port, username, password, encryption } = connection;
  assert.equal(`mqtts://${host}:${port}`, broker.url);
  assert.equal(encryption, true);
  for (const value of [host, String(port), username, password])
    assert.ok(invited.stdout.includes(value), value);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test('a tester asks as itself, and sees examples, the mirror, hints and status', async () => {
  const tester = await open();
  await eventually('the examples', () => tester.on('qa/examples/get').length > 0);
  assert.match(await tester.askText(requests.set.example), /^#'Profile'\{/);
  await tester.json('qa/rep/tester-olena/set');
  assert.equal((await tester.json('qa/status/profile-1')).ready, true);
  await tester.publish(requests.get.example, { topic: 'events/1//api/anon/' });
  await eventually('a hint', () => tester.on('qa/hint/tester-olena').length > 0);
  assert.match(tester.on('qa/hint/tester-olena').at(-1)?.text ?? '', /a slash too\sfew/);
  await eventually('$SYS', () => tester.seen.some(({ topic }) => topic.startsWith('$SYS/')));
  await tester.leave();
});

test('a tester speaks for nobody else, and takes no request from the workers', async (t) => {
  const tester = await open();
  const watching = tester.seen.length;
  for (const topic of ['actions/1/api/emqttd_42', `ses/${phone}`, 'qa/examples/get', 'qa/hint/emqttd_42'])
    await tester.publish('forged', { topic });
  await tester.askText(requests.get.example);
  assert.ok(!tester.seen.slice(watching).some(({ text }) => text === 'forged'));
  await tester.leave();
  const client = await connectClient(t, broker.url, { clientId: connection.clientId, ...login() });
  for (const filter of ['$share/profile/events/1/+/api/+/+/+', '$CONTROL/#'])
    await assert.rejects(client.subscribeAsync(filter), filter);
});

test('an invitation is for one client id, and leaves files and sessions that are there', async () => {
  const again = await invite('tester-olena');
  assert.equal(again.exitCode, 1);
  assert.match(again.stderr, /has a session already/);
  const taken = await invite('qa-olena');
  assert.match(taken.stderr, /are the user qa’s/);
  const over = await invite('tester-taras', '--file', file);
  assert.equal(over.exitCode, 1);
  assert.match(over.stderr, /exists; it is left alone/);
  // Nobody was invited whose password was not shown.
  assert.equal((await invite('tester-taras')).exitCode, 0);
});
