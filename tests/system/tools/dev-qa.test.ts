/** `npm run dev` for spectators: MQTT Explorer is signed in, and faults can be ordered. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Redis } from 'ioredis';
import { explorerConfig, signInExplorers } from '../../../dev/explorers.ts';
import { olena, taras } from '../../../dev/phones.ts';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import { startRedis } from '../../../dev/servers/redis.ts';
import { startSmtp } from '../../../dev/servers/smtp.ts';
import { startSts } from '../../../dev/servers/sts.ts';
import { order, takeOrders, troubles } from '../../../dev/troubles.ts';
import { caught, message, start } from '../../harness/mail-fixture.ts';
import { connectClient, watch } from '../../harness/mqtt-clients.ts';

const broker = await startMosquitto({ persistence: false, extraConfig: explorerConfig });
after(() => broker.stop());

test('each MQTT Explorer that connects has a session, the first as Olena', async (t) => {
  const server = await startRedis();
  const redis = new Redis(server.url);
  const signedIn: string[] = [];
  const explorers = await signInExplorers(
    { brokerUrl: broker.url, redisUrl: server.url },
    (client, { phone }) => signedIn.push(`${client} ${phone}`),
  );
  t.after(async () => {
    redis.disconnect();
    await explorers.leave();
    await server.stop();
  });
  const connect = async (clientId: string, count: number) => {
    const client = await connectClient(t, broker.url, { clientId, protocolVersion: 4 });
    while (signedIn.length < count) await client.publishAsync('x', 'x', { qos: 1 });
  };
  await connect('mqtt-explorer-1a2b3c4d', 1);
  await connect('mqtt-explorer-00000001', 2);
  await redis.hset('session:mqtt-explorer-00000002', { phone: '380500000000' });
  await connect('mqtt-explorer-00000002', 2);
  await connect('somebody-else', 2);
  await connect('mqtt-explorer-1a2b3c4d', 2);
  assert.deepEqual(signedIn, [
    `mqtt-explorer-1a2b3c4d ${olena.phone}`,
    `mqtt-explorer-00000001 ${taras.phone}`,
  ]);
  assert.deepEqual(await redis.hgetall('session:mqtt-explorer-1a2b3c4d'), { phone: olena.phone });
  assert.deepEqual(await redis.smembers(`sessions:{${olena.phone}}`), ['mqtt-explorer-1a2b3c4d']);
  assert.deepEqual(await redis.hgetall('session:mqtt-explorer-00000002'), { phone: '380500000000' });
  assert.deepEqual(await redis.hgetall('session:somebody-else'), {});
});

test('faults are ordered by MQTT, and the state can be read', async (t) => {
  const { sink: smtp, mail } = await start(t);
  const sts = await startSts();
  const states: string[] = [];
  const orders = await takeOrders(broker.url, { smtp, sts }, (text) => states.push(text));
  t.after(async () => {
    await orders.leave();
    await sts.stop();
  });
  const watcher = await watch(t, broker.url, 'dev/trouble/#');
  const say = (text: string) => watcher.client.publishAsync('dev/trouble', text, { qos: 0 });

  await say('mail refuse');
  await watcher.message(
    ({ topic, payload }) => topic === 'dev/trouble/mail' && /email_send/.test(`${payload}`),
  );
  assert.equal(await mail.sendCode(message), 'refused');
  await say('mail ok');
  await watcher.message(({ payload }) => /email_sent/.test(`${payload}`));
  await caught(smtp, mail, message);
  await say('mail slow 300');
  await watcher.message(({ payload }) => /slow 300 ms/.test(`${payload}`));
  const started = performance.now();
  await caught(smtp, mail, { ...message, messageId: 'another' });
  assert.ok(performance.now() - started >= 295);
  await say('make coffee');
  const { payload } = await watcher.message(({ topic }) => topic === 'dev/trouble/help');
  assert.match(`${payload}`, /mail ok\|slow\|refuse/);

  const late = await watch(t, broker.url, 'dev/trouble/#');
  assert.equal((await late.message(({ topic }) => topic === 'dev/trouble/mail')).retain, true);
});

test('everything that can be ordered is carried out', async (t) => {
  const [smtp, sts] = await Promise.all([startSmtp(), startSts()]);
  t.after(() => Promise.all([smtp.stop(), sts.stop()]));
  for (const [server, orders] of Object.entries(troubles)) {
    for (const [what, [, then]] of Object.entries(orders)) {
      assert.ok(order(`${server} ${what}`, { smtp, sts }).state.endsWith(then), what);
    }
  }
  for (const wrong of ['', 'mail', 'mail constructor', 'sts slow soon']) {
    assert.equal(order(wrong, { smtp, sts }).server, undefined, wrong);
  }
});
