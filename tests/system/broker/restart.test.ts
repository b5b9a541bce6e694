/** What a restarted broker does for phones that have not reconnected yet. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import mqtt, { connectAsync, type IClientOptions } from 'mqtt';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import type { Server } from '../../../dev/servers/process.ts';
import { openBrokerClients } from '../../../src/broker-acl/client.ts';
import { openDynamicSecurity } from '../../../src/broker-acl/dynamic-security.ts';
import { eventually } from '../../harness/eventually.ts';
import { startProductionBroker } from '../../harness/production-broker.ts';

const phone = '380501112233';
const client = 'emqttd_42';
const topics = [`actions/1/api/${client}`, `ses/${phone}`];
const lasting = { clean: false, protocolVersion: 5, properties: { sessionExpiryInterval: 60 } } as const;

/** The phone is away when the broker is restarted; a worker publishes; the phone comes back. */
async function heardAfterRestart(
  t: TestContext,
  broker: Server,
  asPhone: IClientOptions,
  asWorker: IClientOptions,
): Promise<string[]> {
  const login = { ...lasting, clientId: client, ...asPhone };
  const before = await connectAsync(broker.url, login);
  await before.subscribeAsync(topics, { qos: 1 });
  await before.endAsync();
  await broker.kill('SIGTERM');
  await broker.restart();
  const worker = await connectAsync(broker.url, { clientId: 'profile-1', ...asWorker });
  t.after(() => worker.endAsync(true));
  for (const topic of topics) await worker.publishAsync(topic, 'p', { qos: 1 });
  const received: string[] = [];
  const after = mqtt.connect(broker.url, login);
  t.after(() => after.endAsync(true));
  after.on('message', (topic) => received.push(topic));
  await eventually('it is back', () => after.connected);
  await after.subscribeAsync('fence', { qos: 0 }).catch(() => undefined); // Answered after the waiting messages.
  return received;
}

test('a developer’s phone without a user name receives the answers of its absence from a restarted broker', async (t) => {
  const broker = await startMosquitto();
  t.after(() => broker.stop());
  const [answers = ''] = topics;
  assert.ok((await heardAfterRestart(t, broker, {}, {})).includes(answers));
});

test('a developer’s phone with its number as user name receives the messages of its absence', async (t) => {
  const broker = await startMosquitto();
  t.after(() => broker.stop());
  assert.deepEqual(await heardAfterRestart(t, broker, { username: phone }, { username: 'worker' }), topics);
});

for (const username of [client, phone]) {
  test(`a phone of production with the user name ${username} receives the messages of its absence`, async (t) => {
    const { server, login } = await startProductionBroker({ persistence: true });
    t.after(() => server.stop());
    const { ca, ...admin } = login('admin');
    const connection = { url: server.url, clientId: 'test', ...admin, tls: { ca } };
    const clients = openBrokerClients(openDynamicSecurity(connection));
    await clients.put({ client, phone, token: 'token' }, undefined);
    await clients.close();
    const asPhone = { username, password: 'token', ca };
    assert.deepEqual(await heardAfterRestart(t, server, asPhone, login('worker')), topics);
  });
}
