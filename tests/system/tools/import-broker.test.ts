/** `profilectl import` at a broker with the dynamic-security plugin: each session becomes a client of its list that can log in. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, decode, encode, print } from '../../../src/etf/index.ts';
import { openRegistry } from '../../harness/device.ts';
import { startDumpStores } from '../../harness/dump-stores.ts';
import { eventually } from '../../harness/eventually.ts';
import { openClient, type Received } from '../../harness/mqtt-clients.ts';
import { startProductionBroker } from '../../harness/production-broker.ts';
import { profilectl } from '../../harness/profilectl.ts';
import { profile } from '../../harness/terms.ts';

const stores = await startDumpStores({ workers: 0 });
const broker = await startProductionBroker({ sharedUsers: 'api' });
const { database, settings } = stores.store('');
const registry = openRegistry(database, [broker]);
const worker = await stores.harness.startWorker({
  ...broker.settings('worker'),
  MQTT_CLIENT_ID: 'profile-1',
});
const [acl] = registry.brokers;
after(async () => {
  await registry.close();
  await worker.process.stop();
  await broker.server.stop();
  await stores.close();
});

const admin = { ...settings, ...broker.settings('admin') };
const listed = (client: string) => acl?.clients.find(client);

test('sessions that are imported are clients of the broker’s list, in the group of their phone', async () => {
  const { exitCode, stderr, stdout } = await profilectl(admin, 'import', '--json', stores.dump('list.etf'));
  assert.deepEqual([exitCode, stderr], [0, '']);
  assert.equal(JSON.parse(stdout).sessions.imported, 2);
  const sessions = await database.connection.keys('session:*');
  assert.equal(sessions.length, 2);
  for (const key of sessions) {
    const client = key.slice('session:'.length);
    const phone = (await database.connection.hget(key, 'phone')) ?? '';
    assert.deepEqual(await listed(client), { client, isSession: true, phones: [phone] });
    assert.equal(await acl?.clients.isWhole(client, phone), true);
  }
});

test('such a client logs in with its old token, and with no other, and is answered its profile', async () => {
  const heard: Received[] = [];
  const login = (password: string) =>
    openClient(
      broker.server.url,
      { clientId: 'emqttd_43', username: 'api', password, ca: broker.certificate.cert },
      (message) => heard.push(message),
    );
  await assert.rejects(login('token-42'), /not authorized/i);
  const mqtt = await login('token-43');
  try {
    await mqtt.subscribeAsync(['actions/1/api/emqttd_43', 'ses/380671112233'], { qos: 1 });
    const request = profile({ phone: '380671112233', presence: atom('online'), status: 'get' });
    await mqtt.publishAsync('events/1//api/anon//', encode(request), { qos: 2 });
    await eventually('the answer', () => heard.length > 0);
    assert.match(print(decode(heard[0]?.payload ?? Buffer.of())), /^\{'Profile',<<"380671112233">>.*,get\}$/);
  } finally {
    await mqtt.endAsync(true);
  }
});

test('a second import leaves the list as it is', async () => {
  const before = await listed('emqttd_43');
  const { exitCode, stdout } = await profilectl(admin, 'import', '--json', stores.dump('list.etf'));
  assert.deepEqual([exitCode, JSON.parse(stdout).sessions.imported], [0, 0]);
  assert.deepEqual(await listed('emqttd_43'), before);
});
