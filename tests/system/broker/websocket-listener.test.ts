/** The listener for WebSockets of mosquitto/README.md, beside production's own: logins, names and wills are the same there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { freePort } from '../../../dev/servers/process.ts';
import { startRedis } from '../../../dev/servers/redis.ts';
import { signIn } from '../../../src/broker-acl/sign-in.ts';
import { openRedis } from '../../../src/store/redis/database.ts';
import { openRegistry } from '../../harness/device.ts';
import { eventually } from '../../harness/harness.ts';
import { connectClient } from '../../harness/mqtt-clients.ts';
import { startProductionBroker } from '../../harness/production-broker.ts';

const FIELD = 'events/1//api/anon//';
const port = await freePort();
const page = readFileSync(new URL('../../../mosquitto/README.md', import.meta.url), 'utf8');
const [, lines = assert.fail('no listener')] = /^```\n(listener 8884\n.*?)^```$/ms.exec(page) ?? [];
const extraConfig = lines.replace('8884', `${port}`);

const [broker, redis] = await Promise.all([startProductionBroker({ extraConfig }), startRedis()]);
const database = openRedis(redis.url, '', () => undefined);
const registry = openRegistry(database, [broker]);
for (const client of ['web_1', 'web_2'])
  await signIn({ client, phone: '380501112233', token: `token of ${client}` }, '00', registry);
after(async () => {
  await registry.close();
  await database.close();
  await Promise.all([broker.server.stop(), redis.stop()]);
});

const url = `wss://localhost:${port}`;
const as = (clientId: string, password: string) => ({
  ca: broker.certificate.cert,
  username: '380501112233',
  clientId,
  password,
});

for (const protocolVersion of [4, 5] as const)
  test(`MQTT ${protocolVersion === 4 ? '3.1.1' : '5'}: requests and wills carry the publisher’s client id`, async (t) => {
    const topics: string[] = [];
    const qa = { ...broker.login('qa'), clientId: `qa-${protocolVersion}` };
    const watcher = await connectClient(t, broker.server.url, qa, ({ topic }) => topics.push(topic));
    await watcher.subscribeAsync('events/#', { qos: 1 });
    const will = { topic: FIELD, payload: Buffer.from('offline'), qos: 1, retain: false } as const;
    const web = await connectClient(t, url, { ...as('web_1', 'token of web_1'), protocolVersion, will });
    await web.subscribeAsync(['actions/1/api/web_1', 'ses/380501112233'], { qos: 1 });
    await assert.rejects(web.subscribeAsync('actions/1/api/web_2', { qos: 1 }));
    await web.publishAsync(FIELD, 'bare', { qos: 2 });
    await web.publishAsync('events/1//api/anon/web_2/', 'forged', { qos: 1 });
    web.stream.destroy();
    await eventually('the will is there', () => topics.length === 3);
    assert.deepEqual(topics, Array(3).fill('events/1//api/anon/web_1/'));
  });

for (const [client, password] of [
  ['web_1', 'wrong'],
  ['web_2', 'token of web_1'],
  ['profile-1', 'token of web_1'],
] as const)
  test(`refused: ${client} with “${password}”`, async (t) => {
    await assert.rejects(connectClient(t, url, as(client, password)), /not authorized/i);
  });
