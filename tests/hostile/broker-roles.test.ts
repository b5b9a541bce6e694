/**
 * A user who may read everything cannot take over another client's session: on the production broker workers and QA
 * have their own client ids only.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { IClientOptions } from 'mqtt';
import { openBrokerClients } from '../../src/broker-acl/client.ts';
import { openDynamicSecurity } from '../../src/broker-acl/dynamic-security.ts';
import { eventually } from '../harness/eventually.ts';
import { connectClient } from '../harness/mqtt-clients.ts';
import { startProductionBroker } from '../harness/production-broker.ts';
import { profilectl } from '../harness/profilectl.ts';

const PHONE = '380501112233';
const CLIENT = 'emqttd_42';
const NOT_AUTHORIZED = { code: 135 };
const lasting = { clean: false, properties: { sessionExpiryInterval: 60 } };

const broker = await startProductionBroker();
const { ca, ...admin } = broker.login('admin');
const connection = { url: broker.server.url, clientId: 'maker', ...admin, tls: { ca } };
const clients = openBrokerClients(openDynamicSecurity(connection));
await clients.put({ client: CLIENT, phone: PHONE, token: 'token' }, undefined);
await clients.close();
after(() => broker.server.stop());

const as = (user: string, clientId: string, more: IClientOptions = {}): IClientOptions => ({
  clientId,
  ...broker.login(user),
  ...more,
});
const asPhone = (): IClientOptions => ({
  clientId: CLIENT,
  username: PHONE,
  password: 'token',
  ca: broker.certificate.cert,
});

test('qa cannot disconnect a phone, nor receive the messages that wait in its session', async (t) => {
  const received: string[] = [];
  const { server } = broker;
  const phone = await connectClient(t, server.url, { ...asPhone(), ...lasting });
  await phone.subscribeAsync(`actions/1/api/${CLIENT}`, { qos: 1 });
  let closed = false;
  phone.on('close', () => {
    closed = true;
  });
  for (const user of ['qa', 'worker']) {
    for (const options of [lasting, { clean: true }])
      await assert.rejects(connectClient(t, server.url, as(user, CLIENT, options)), NOT_AUTHORIZED);
  }
  await phone.unsubscribeAsync('fence');
  assert.equal(closed, false);
  await phone.endAsync();
  const worker = await connectClient(t, server.url, as('worker', 'profile-1'));
  await worker.publishAsync(`actions/1/api/${CLIENT}`, 'answer', { qos: 1 });
  const intruder = connectClient(t, server.url, as('qa', CLIENT, lasting), ({ topic }) =>
    received.push(topic),
  );
  await assert.rejects(intruder, NOT_AUTHORIZED);
  await connectClient(t, server.url, { ...asPhone(), ...lasting }, ({ payload }) =>
    received.push(`${payload}`),
  );
  await eventually('the phone has its answer', () => received.length > 0);
  assert.deepEqual(received, ['answer']);
});

test('qa cannot take over a worker’s session, with or without its requests', async (t) => {
  const { server } = broker;
  const taken: string[] = [];
  const worker = await connectClient(t, server.url, as('worker', 'profile-0', lasting), ({ topic }) =>
    taken.push(topic),
  );
  await worker.subscribeAsync('$share/profile/events/1/+/api/+/+/+', { qos: 1 });
  const phone = await connectClient(t, server.url, asPhone());
  for (const user of ['qa', 'admin', 'steward']) {
    for (const options of [lasting, { clean: true }, { protocolVersion: 4 as const, clean: true }]) {
      const intruder = connectClient(t, server.url, as(user, 'profile-0', options));
      await assert.rejects(intruder, /not authorized/i, user);
      await phone.publishAsync('events/1//api/anon//', 'request', { qos: 1 });
    }
  }
  await eventually('the worker has all requests', () => taken.length === 9);
  assert.ok(worker.connected);
});

test('a phone number as the user name does not free a user from its binding', async (t) => {
  for (const user of ['qa', 'worker']) {
    const { password, ca } = broker.login(user);
    // The number is replaced by the client id, which is then the user name.
    const options = { clientId: user, username: PHONE, password, ca };
    await assert.rejects(connectClient(t, broker.server.url, options), NOT_AUTHORIZED);
  }
});

test('the right client id admits nobody without the password', async (t) => {
  for (const [user, clientId] of [
    ['qa', 'qa-1'],
    ['worker', 'profile-1'],
  ] as const) {
    const options = as(user, clientId);
    const { url } = broker.server;
    await assert.rejects(connectClient(t, url, { ...options, password: 'wrong' }), NOT_AUTHORIZED);
    const { username: _, password: __, ...anonymous } = options;
    await assert.rejects(connectClient(t, url, anonymous), NOT_AUTHORIZED);
    await connectClient(t, url, options);
  }
});

test('a client id that only resembles a user’s is refused', async (t) => {
  const near = ['Profile-1', 'profile', 'PROFILE-1', ' profile-1', 'xprofile-1', 'profile_1', 'prоfile-1'];
  for (const clientId of near)
    await assert.rejects(connectClient(t, broker.server.url, as('worker', clientId)), NOT_AUTHORIZED);
});

test('refused logins are logged once in ten seconds, without control or non-ASCII characters', async (t) => {
  const own = await startProductionBroker();
  t.after(() => own.server.stop());
  for (let count = 0; count < 30; count++) {
    const login = { ...own.login('qa'), clientId: `д${'y'.repeat(200)}` };
    await assert.rejects(connectClient(t, own.server.url, login), NOT_AUTHORIZED);
  }
  const lines = own.server
    .log()
    .split('\n')
    .filter((line) => line.includes('client_binding: login refused'));
  assert.equal(lines.length, 1);
  assert.match(lines[0] ?? '', /client id "\?\?y{62}" is not for the user "qa"/);
});

test('the binding holds after the broker has read its configuration again', async (t) => {
  await broker.server.kill('SIGHUP');
  await assert.rejects(connectClient(t, broker.server.url, as('qa', 'profile-0')), NOT_AUTHORIZED);
  await connectClient(t, broker.server.url, as('qa', 'qa-after-hup'));
});

test('profilectl connects with client ids that the broker gives its user', async () => {
  for (const user of ['qa', 'worker', 'admin']) {
    const settings = { ...broker.settings(user), REDIS_URL: 'redis://127.0.0.1:1' };
    const { stdout } = await profilectl(settings, 'doctor', '--json');
    const findings = JSON.parse(stdout) as { check: string; state: string }[];
    assert.equal(findings.find(({ check }) => check.startsWith('broker'))?.state, 'ok', stdout);
  }
});

test('the shipped configuration binds every user that `profilectl broker init` makes, except the administrator', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'profile-init-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'dynamic-security.json');
  const init = ['broker', 'init', '--file', file, '--service', 'sys_roster'];
  assert.equal((await profilectl({}, ...init)).exitCode, 0);
  const { clients } = JSON.parse(await readFile(file, 'utf8')) as { clients: { username: string }[] };
  const shipped = new URL('../../mosquitto/production.d/production.conf', import.meta.url);
  const [, list = ''] = /^plugin_opt_bind (\S+)$/m.exec(readFileSync(shipped, 'utf8')) ?? [];
  const bound = new Set(list.split(',').map((pair) => pair.split('=')[0]));
  assert.deepEqual([...bound, 'admin'].sort(), clients.map(({ username }) => username).sort());
});
