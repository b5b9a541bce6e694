/** Login with a name that all clients share, such as `api`: the password is the client's token (`plugin_opt_users`). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRedis } from '../../../dev/servers/redis.ts';
import { signIn } from '../../../src/broker-acl/sign-in.ts';
import { openRedis } from '../../../src/store/redis/database.ts';
import { openRegistry } from '../../harness/device.ts';
import { connectClient } from '../../harness/mqtt-clients.ts';
import { startProductionBroker } from '../../harness/production-broker.ts';

const [broker, redis] = await Promise.all([
  startProductionBroker({ sharedUsers: 'mobile,api' }),
  startRedis(),
]);
const database = openRedis(redis.url, '', () => undefined);
const registry = openRegistry(database, [broker]);
for (const client of ['emqttd_1', 'emqttd_2']) {
  const session = { client, phone: '380501112233', token: `token of ${client}` };
  assert.equal(await signIn(session, '00', registry), 'stored');
}
after(async () => {
  await registry.close();
  await database.close();
  await Promise.all([broker.server.stop(), redis.stop()]);
});

const as = (username: string, clientId: string, password: string) => ({
  ca: broker.certificate.cert,
  username,
  clientId,
  password,
});

for (const protocolVersion of [4, 5] as const) {
  for (const user of ['api', 'mobile']) {
    test(`MQTT ${protocolVersion === 4 ? '3.1.1' : '5'}: ${user} with the client’s id and token is that client`, async (t) => {
      const options = { ...as(user, 'emqttd_1', 'token of emqttd_1'), protocolVersion };
      const client = await connectClient(t, broker.server.url, options);
      await client.subscribeAsync('actions/1/api/emqttd_1', { qos: 1 });
      await assert.rejects(client.subscribeAsync('actions/1/api/emqttd_2', { qos: 1 }));
    });
  }
}

const refused: readonly (readonly [string, string, string])[] = [
  ['api', 'emqttd_1', 'wrong'],
  ['api', 'emqttd_1', ''],
  ['api', 'emqttd_1', 'token of emqttd_2'],
  ['api', 'emqttd_2', 'token of emqttd_1'],
  ['api', 'emqttd_3', 'token of emqttd_1'],
  ['api', 'profile-1', 'token of emqttd_1'],
  ['api', 'worker', 'the password of worker'],
  ['api', 'admin', 'token of emqttd_1'],
  ['API', 'emqttd_1', 'token of emqttd_1'],
  ['ap', 'emqttd_1', 'token of emqttd_1'],
  ['mobile,api', 'emqttd_1', 'token of emqttd_1'],
  ['emqttd_2', 'emqttd_1', 'token of emqttd_2'],
];
for (const [user, client, password] of refused) {
  test(`refused: the user “${user}” as ${client} with “${password}”`, async (t) => {
    await assert.rejects(connectClient(t, broker.server.url, as(user, client, password)), /not authorized/i);
  });
}

test('without the option the name is no user', async (t) => {
  const plain = await startProductionBroker();
  t.after(() => plain.server.stop());
  const login = { ...as('api', 'qa', 'the password of qa'), ca: plain.certificate.cert };
  await assert.rejects(connectClient(t, plain.server.url, login), /not authorized/i);
});
