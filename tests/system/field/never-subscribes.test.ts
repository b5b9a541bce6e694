/** Clients that never subscribe hear answers and notices where the broker hands them over (`plugin_opt_deliver`). */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { IClientOptions, MqttClient } from 'mqtt';
import { atom, decode, encode, print, type Term } from '../../../src/etf/index.ts';
import { eventually, startHarness } from '../../harness/harness.ts';
import { openClient, type Received } from '../../harness/mqtt-clients.ts';
import { contact, profile, refusal, roster } from '../../harness/terms.ts';

const harness = await startHarness({ workers: 2, broker: { deliver: 'actions,ses' } });
const open: MqttClient[] = [];
after(async () => {
  await Promise.all(open.map((client) => client.endAsync(true)));
  await harness.stop();
});

interface Silent {
  readonly id: string;
  readonly number: string;
  readonly mqtt: MqttClient;
  readonly heard: Received[];
  ask(request: Term): Promise<Term>;
}

let count = 0;
const persistent = { clean: false, properties: { sessionExpiryInterval: 600 } } as const;

/** A client with a session that does not subscribe. */
async function silent(options: IClientOptions & { number?: string } = {}): Promise<Silent> {
  const { number = `38073${1_000_000 + ++count}`, ...mqttOptions } = options;
  const id = mqttOptions.clientId ?? `emqttd_${++count}`;
  await harness.signIn(id, number);
  const heard: Received[] = [];
  const mqtt = await openClient(harness.broker.url, { ...mqttOptions, clientId: id }, (message) =>
    heard.push(message),
  );
  open.push(mqtt);
  const ask = async (request: Term): Promise<Term> => {
    await mqtt.publishAsync('events/1//api/anon//', encode(request), { qos: 2 });
    const isAnswer = ({ topic }: Received) => topic === `actions/1/api/${id}`;
    await eventually('an answer', () => heard.some(isAnswer));
    const [answer] = heard.splice(heard.findIndex(isAnswer), 1);
    return decode(answer?.payload ?? Buffer.alloc(0));
  };
  return { id, number, mqtt, heard, ask };
}

const get = ({ number }: { number: string }) => profile({ phone: number, status: 'get' });
const entry = ({ number }: { number: string }) => contact({ phoneId: `${number}_1`, status: atom('friend') });
const setWith = (of: { number: string }, friend: { number: string }) =>
  profile({ phone: of.number, rosters: [roster({ userlist: [entry(friend)] })], status: 'set' });
const news = ({ number }: { number: string }, presence: string) =>
  profile({ phone: number, update: Date.now(), presence: atom(presence), status: 'update' });

/** Done when what was under way to the client has come: an answer of its own comes after it. */
async function settle(client: Silent): Promise<void> {
  await harness.idle();
  await client.ask(get(client));
}

for (const protocolVersion of [4, 5] as const) {
  test(`MQTT ${protocolVersion === 4 ? '3.1.1' : '5'}: answers come, each once, and to nobody else`, async () => {
    const [one, other] = [await silent({ protocolVersion }), await silent({ protocolVersion })];
    assert.deepEqual(await one.ask(get(one)), refusal('not_found'));
    for (let round = 0; round < 20; round++)
      assert.match(print(await one.ask(setWith(one, other))), /,set\}$/);
    await settle(one);
    assert.deepEqual([...one.heard, ...other.heard], []);
  });
}

test('MQTT 5: Correlation Data and Content Type come with it, and what nobody fetches is forgotten after an hour', async () => {
  const client = await silent();
  const properties = { correlationData: Buffer.from('c1') };
  await client.mqtt.publishAsync('events/1//api/anon//', encode(get(client)), { qos: 1, properties });
  await eventually('the answer comes', () => client.heard.length > 0);
  const [answer] = client.heard;
  assert.deepEqual(answer?.properties?.correlationData, Buffer.from('c1'));
  assert.equal(answer?.properties?.contentType, 'application/x-erlang-binary');
  const expiry = answer?.properties?.messageExpiryInterval ?? 0;
  assert.ok(expiry > 3500 && expiry <= 3600, `${expiry}`);
});

test('an answer that is to expire sooner is handed over so', async (t) => {
  const brief = await startHarness({ broker: { deliver: 'actions' }, settings: { REPLY_EXPIRY: '120' } });
  t.after(() => brief.stop());
  const heard: Received[] = [];
  const mqtt = await openClient(brief.broker.url, { clientId: 'emqttd_brief' }, (message) =>
    heard.push(message),
  );
  t.after(() => mqtt.endAsync(true));
  await mqtt.publishAsync('events/1//api/anon//', encode(get({ number: '380730000002' })), { qos: 1 });
  await eventually('the answer comes', () => heard.length > 0);
  const expiry = heard[0]?.properties?.messageExpiryInterval ?? 0;
  assert.ok(expiry > 60 && expiry <= 120, `${expiry}`);
});

test('with REPLY_QOS=2 answers and notices come once, also to who has subscribed', async (t) => {
  const exact = await startHarness({ broker: { deliver: 'actions,ses' }, settings: { REPLY_QOS: '2' } });
  t.after(() => exact.stop());
  const join = async (id: string, number: string) => {
    await exact.signIn(id, number);
    const heard: { topic: string; payload: Buffer; qos: number }[] = [];
    const mqtt = await openClient(exact.broker.url, { clientId: id });
    mqtt.on('message', (topic, payload, { qos }) => heard.push({ topic, payload, qos }));
    t.after(() => mqtt.endAsync(true));
    const ask = (request: Term) => mqtt.publishAsync('events/1//api/anon//', encode(request), { qos: 2 });
    const count = (topic: string) => heard.filter((message) => message.topic === topic).length;
    return { id, number, mqtt, heard, ask, count };
  };
  const [one, friend] = [await join('emqttd_one', '380735000001'), await join('emqttd_two', '380735000002')];
  const subscriber = await join('emqttd_three', friend.number);
  const watcher = await join('watcher', '380735000003');
  await subscriber.mqtt.subscribeAsync([`actions/1/api/${subscriber.id}`, `ses/${friend.number}`], {
    qos: 2,
  });
  await watcher.mqtt.subscribeAsync(['actions/#', 'ses/#'], { qos: 2 });
  await one.ask(setWith(one, friend));
  await friend.ask(setWith(friend, one));
  for (let round = 0; round < 10; round++)
    await Promise.all([one, subscriber].map((each) => each.ask(get(each))));
  await eventually('all are answered', () => one.count('actions/1/api/emqttd_one') >= 11);
  await one.ask(news(one, 'online'));
  await eventually('the friend is told', () => friend.count(`ses/${friend.number}`) > 0);
  await exact.idle();
  for (const each of [one, friend, subscriber]) {
    const before = each.count(`actions/1/api/${each.id}`);
    await each.ask(get(each));
    await eventually('what was under way has come', () => each.count(`actions/1/api/${each.id}`) > before);
  }
  await eventually('all are seen', () => watcher.heard.length >= 27);
  const seen = ({ heard }: { heard: readonly { topic: string }[] }) =>
    heard.map(({ topic }) => topic).toSorted();
  const answers = (id: string, count: number) => Array<string>(count).fill(`actions/1/api/${id}`);
  assert.deepEqual(seen(one), answers(one.id, 13));
  assert.deepEqual(seen(friend), [...answers(friend.id, 2), `ses/${friend.number}`]);
  assert.deepEqual(seen(subscriber), [...answers(subscriber.id, 11), `ses/${friend.number}`]);
  assert.equal(watcher.heard.length, 27);
  for (const { heard } of [one, friend, subscriber])
    for (const { qos, payload } of heard) assert.ok(qos === 2 && payload.length > 0);
});

test('who has subscribed hears everything once, also by a subscription of an earlier connection', async () => {
  const first = await silent({ ...persistent, clientId: 'emqttd_subscribed' });
  await first.mqtt.subscribeAsync(['actions/1/api/emqttd_subscribed', `ses/${first.number}`], { qos: 1 });
  await first.ask(setWith(first, { number: '380730000001' }));
  await settle(first);
  assert.deepEqual(first.heard, []);
  await first.mqtt.endAsync();
  const again = await silent({ ...persistent, clientId: first.id, number: first.number });
  for (let round = 0; round < 5; round++) await again.ask(get(again));
  await settle(again);
  assert.deepEqual(again.heard, []);
  await again.mqtt.unsubscribeAsync(`actions/1/api/${first.id}`);
  assert.match(print(await again.ask(get(again))), /,get\}$/);
});

test('notices come to all connected clients of a phone that have asked something, each once, and to no other', async () => {
  const [one, friend] = [await silent(), await silent()];
  const second = await silent({ number: friend.number });
  const quiet = await silent({ number: friend.number });
  const subscriber = await silent({ number: friend.number });
  await subscriber.mqtt.subscribeAsync(`ses/${friend.number}`, { qos: 1 });
  await one.ask(setWith(one, friend));
  await friend.ask(setWith(friend, one));
  await second.ask(get(second));
  await subscriber.ask(get(subscriber));
  await one.ask(news(one, 'online'));
  for (const client of [one, friend, second, subscriber]) await settle(client);
  const topics = (client: Silent) => client.heard.map(({ topic }) => topic);
  for (const client of [friend, second, subscriber])
    assert.deepEqual(topics(client), [`ses/${friend.number}`]);
  assert.deepEqual(topics(one), []);
  assert.deepEqual(topics(quiet), []);
});

test('a number that a client merely names brings no notices: only its session counts', async () => {
  const [one, friend, thief] = [await silent(), await silent(), await silent()];
  await one.ask(setWith(one, friend));
  await friend.ask(setWith(friend, one));
  await thief.ask(profile({ phone: thief.number, status: 'set' }));
  assert.deepEqual(await thief.ask(get(friend)), refusal('not_authorized'));
  await thief.mqtt.publishAsync(`actions/1/api/${thief.id}/x`, '', { qos: 0 });
  await one.ask(news(one, 'away'));
  await settle(friend);
  await settle(thief);
  assert.equal(friend.heard.length, 1);
  assert.deepEqual(
    thief.heard.filter(({ topic }) => topic.startsWith('ses/')),
    [],
  );
});

test('after remove a phone’s clients hear no more notices', async () => {
  const [one, friend] = [await silent(), await silent()];
  await one.ask(setWith(one, friend));
  await friend.ask(setWith(friend, one));
  await friend.ask(profile({ phone: friend.number, status: 'remove' }));
  await harness.database.hset(`session:${friend.id}`, { phone: '380739999999' });
  await harness.idle();
  friend.heard.splice(0);
  await one.mqtt.publishAsync(`ses/${friend.number}`, 'a notice', { qos: 1 });
  await settle(one);
  await friend.ask(profile({ phone: '380739999999', status: 'get' }));
  assert.deepEqual(friend.heard, []);
});

test('a session that is away gets its answers at QoS 1 when it is back, and no notices; one that is not kept gets none', async () => {
  const [one, friend] = [await silent(), await silent({ ...persistent })];
  await one.ask(setWith(one, friend));
  await friend.ask(setWith(friend, one));
  await friend.mqtt.publishAsync('events/1//api/anon//', encode(get(friend)), { qos: 1 });
  friend.mqtt.stream.destroy();
  await harness.idle();
  await one.ask(news(one, 'away'));
  await settle(one);
  // Published as a worker does while nobody is there.
  await one.mqtt.publishAsync(`actions/1/api/${friend.id}`, 'an answer', { qos: 1 });
  await one.mqtt.publishAsync(`actions/1/api/${friend.id}`, 'at QoS 0', { qos: 0 });
  await one.mqtt.publishAsync('actions/1/api/emqttd_unknown', 'nobody', { qos: 1 });
  await settle(one);
  const back = await silent({ ...persistent, clientId: friend.id, number: friend.number });
  await eventually('what waited comes', () => back.heard.some(({ payload }) => `${payload}` === 'an answer'));
  const before = back.heard.splice(0);
  assert.deepEqual(
    before.filter(({ topic, payload }) => topic.startsWith('ses/') || `${payload}` === 'at QoS 0'),
    [],
  );
  await back.ask(get(back));
  assert.deepEqual(back.heard, []);
});

test('without the option a client that has not subscribed hears nothing', async (t) => {
  const plain = await startHarness();
  t.after(() => plain.stop());
  await plain.signIn('emqttd_deaf', '380731111111');
  const heard: Received[] = [];
  const deaf = await openClient(plain.broker.url, { clientId: 'emqttd_deaf' }, (message) =>
    heard.push(message),
  );
  t.after(() => deaf.endAsync(true));
  await deaf.publishAsync('events/1//api/anon//', encode(get({ number: '380731111111' })), { qos: 2 });
  await plain.idle();
  await deaf.unsubscribeAsync('fence');
  assert.deepEqual(heard, []);
});
