/**
 * The topics of newer deployments, `events/:client`, `actions/:client` and `devices/:phone`, at a broker of production with its
 * plugins and roles, the worker, the QA mirror and `profilectl`.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { IClientOptions, IClientPublishOptions, MqttClient } from 'mqtt';
import { startRedis } from '../../../dev/servers/redis.ts';
import { signIn } from '../../../src/broker-acl/sign-in.ts';
import { atom, decode, encode, print, type Term } from '../../../src/etf/index.ts';
import { openRedis } from '../../../src/store/redis/database.ts';
import { openRegistry } from '../../harness/device.ts';
import { eventually } from '../../harness/eventually.ts';
import { openClient, type Received } from '../../harness/mqtt-clients.ts';
import { startProductionBroker } from '../../harness/production-broker.ts';
import { profilectl } from '../../harness/profilectl.ts';
import { contact, profile, refusal, roster } from '../../harness/terms.ts';
import { startWorker } from '../../harness/worker.ts';

const topics = { request: 'events/:client', answer: 'actions/:client', notice: 'devices/:phone' };
const settings = {
  REQUEST_TOPIC: topics.request,
  ANSWER_TOPIC: topics.answer,
  NOTICE_TOPIC: topics.notice,
};

const [broker, redis, folder] = await Promise.all([
  startProductionBroker({ sharedUsers: 'api', deliver: 'actions,ses', init: 'api', topics }),
  startRedis(),
  mkdtemp(join(tmpdir(), 'profile-topics-')),
]);
const database = openRedis(redis.url, '', () => undefined);
const registry = openRegistry(database, [broker]);
const worker = await startWorker({
  ...broker.settings('steward'),
  ...settings,
  MQTT_CLIENT_ID: 'steward-newer',
  MQTT_DYNAMIC_SECURITY: 'on',
  REDIS_URL: redis.url,
  NODE_ENV: 'test',
  QA_TEXT: 'on',
  SHUTDOWN_TIMEOUT_MS: '2000',
});
const open: MqttClient[] = [];
after(async () => {
  await Promise.all(open.map((client) => client.endAsync(true)));
  await registry.close();
  await worker.process.stop();
  await database.close();
  await Promise.all([broker.server.stop(), redis.stop()]);
  await rm(folder, { recursive: true });
});

const tokenOf = (client: string): string => `token of ${client}`;

interface Asker {
  readonly client: string;
  readonly number: string;
  readonly mqtt: MqttClient;
  readonly heard: Received[];
  ask(request: Term, topic?: string, options?: IClientPublishOptions): Promise<Term>;
  /** Takes what has come on a topic; waits for the first. */
  taken(topic: string): Promise<string[]>;
}

/** A client with a session and a token. @param options - `username` as the client logs in; default its number. */
async function connect(client: string, number: string, options: IClientOptions = {}): Promise<Asker> {
  assert.equal(await signIn({ client, phone: number, token: tokenOf(client) }, '00', registry), 'stored');
  const heard: Received[] = [];
  const login = { username: number, password: tokenOf(client), ca: broker.certificate.cert, ...options };
  const mqtt = await openClient(broker.server.url, { clientId: client, ...login }, (message) =>
    heard.push(message),
  );
  open.push(mqtt);
  const take = async (topic: string): Promise<Received[]> => {
    await eventually(`something on ${topic}`, () => heard.some((message) => message.topic === topic));
    const found = heard.filter((message) => message.topic === topic);
    for (const message of found) heard.splice(heard.indexOf(message), 1);
    return found;
  };
  return {
    ...{ client, number, mqtt, heard },
    async ask(request, topic = 'events/', publish = {}) {
      await mqtt.publishAsync(topic, encode(request), { qos: 2, ...publish });
      const [answer, ...more] = await take(publish.properties?.responseTopic ?? `actions/${client}`);
      assert.deepEqual(more, []);
      return decode(answer?.payload ?? Buffer.alloc(0));
    },
    taken: async (topic) => (await take(topic)).map(({ payload }) => print(decode(payload))),
  };
}

const get = ({ number }: { number: string }) => profile({ phone: number, status: 'get' });
const friendOf = ({ number }: { number: string }) =>
  roster({ userlist: [contact({ phoneId: `${number}_1`, status: atom('friend') })] });

async function befriend(one: Asker, other: Asker): Promise<void> {
  for (const [of, friend] of [
    [one, other],
    [other, one],
  ] as const)
    assert.match(
      print(await of.ask(profile({ phone: of.number, rosters: [friendOf(friend)], status: 'set' }))),
      /,set\}$/,
    );
}

test('requests are answered, on the client’s own topic, and notices come to the phone’s', async () => {
  const olena = await connect('olena', '380501112233');
  const taras = await connect('taras', '380671112233');
  await olena.mqtt.subscribeAsync(['actions/olena/#', `devices/${olena.number}`], { qos: 1 });
  await taras.mqtt.subscribeAsync(['actions/taras', `devices/${taras.number}`], { qos: 1 });
  assert.deepEqual(await olena.ask(get(olena)), refusal('not_found'));
  await befriend(olena, taras);
  for (const topic of ['events/', 'events/olena', 'events/whatever'])
    assert.match(print(await olena.ask(get(olena), topic)), /,get\}$/);
  const responseTopic = 'actions/olena/rpc/7';
  const properties = { responseTopic, correlationData: Buffer.from('7') };
  assert.match(print(await olena.ask(get(olena), 'events/olena', { properties })), /,get\}$/);
  const online = { update: Date.now(), presence: atom('online') };
  await olena.ask(profile({ phone: olena.number, ...online, status: 'update' }));
  const [notice, ...more] = await taras.taken(`devices/${taras.number}`);
  assert.match(notice ?? '', /^\{'Contact',<<"380501112233_1">>.*,online,friend\}$/);
  assert.deepEqual([more, olena.heard, taras.heard], [[], [], []]);
});

test('nobody speaks in another’s name, hears another’s answers, has them sent to a third party, or retains anything', async () => {
  const victim = await connect('victim', '380501110001');
  const thief = await connect('thief', '380501110002');
  for (const { mqtt, client } of [victim, thief]) await mqtt.subscribeAsync(`actions/${client}`, { qos: 1 });
  await victim.ask(profile({ phone: victim.number, status: 'set' }));
  assert.deepEqual(await thief.ask(get(victim), 'events/victim'), refusal('not_authorized'));
  const properties = { responseTopic: 'actions/victim', correlationData: Buffer.from('7') };
  await thief.mqtt.publishAsync('events/victim', encode(get(thief)), { qos: 1, properties });
  assert.deepEqual(await thief.taken('actions/thief'), [print(refusal('not_found'))]);
  for (const filter of ['actions/victim', 'actions/+', 'events/+', `devices/${victim.number}`, '#'])
    await assert.rejects(thief.mqtt.subscribeAsync(filter, { qos: 1 }), filter);
  for (const topic of ['actions/victim', `devices/${victim.number}`, 'events/1//api/anon//', 'events/a/b'])
    await assert.rejects(thief.mqtt.publishAsync(topic, 'x', { qos: 1 }), topic);
  await assert.rejects(thief.mqtt.publishAsync('events/thief', 'x', { qos: 1, retain: true }));
  assert.deepEqual([victim.heard, thief.heard], [[], []]);
});

test('a will in another’s name carries its own client’s id', async () => {
  const one = await connect('one', '380501110003');
  await one.mqtt.subscribeAsync([`actions/one`, `devices/${one.number}`], { qos: 1 });
  const payload = encode(profile({ phone: '380501110004', presence: atom('offline'), status: 'update' }));
  const will = { topic: 'events/one', payload, qos: 1, retain: false } as const;
  const mortal = await connect('mortal', '380501110004', { will });
  await mortal.mqtt.subscribeAsync('actions/mortal', { qos: 1 });
  await befriend(one, mortal);
  mortal.mqtt.stream.destroy();
  const [notice] = await one.taken(`devices/${one.number}`);
  assert.match(notice ?? '', /,offline,friend\}$/);
});

test('who never subscribes is handed answers, notices and a first profile', async () => {
  const api = { username: 'api' };
  const [one, other] = [
    await connect('quiet-1', '380501110005', api),
    await connect('quiet-2', '380501110006', api),
  ];
  assert.deepEqual(await one.taken('actions/quiet-1'), [print(refusal('not_found'))]);
  assert.deepEqual(await other.taken('actions/quiet-2'), [print(refusal('not_found'))]);
  await befriend(one, other);
  const away = { update: Date.now(), presence: atom('away') };
  await one.ask(profile({ phone: one.number, ...away, status: 'update' }));
  const notices = await other.taken(`devices/${other.number}`);
  assert.equal(notices.length, 1);
  assert.deepEqual([one.heard, other.heard], [[], []]);
});

test('QA writes text and reads it back', async () => {
  const tester = await connect('tester', '380501110007');
  await tester.mqtt.subscribeAsync('actions/tester', { qos: 1 });
  await tester.mqtt.publishAsync('events/', '{"request":"get","phone":"380501110007"}', { qos: 1 });
  await eventually('an answer in text', () => tester.heard.length > 0);
  assert.match(`${tester.heard[0]?.payload}`, /not_found/);
});

test('profilectl sends, watches, examines the broker and sets one up', async () => {
  const caller = await connect('caller', '380501110008');
  await caller.mqtt.endAsync(true);
  const token = join(folder, 'token');
  await writeFile(token, tokenOf('caller'));
  const phone = { ...broker.settings(caller.number), ...settings, REDIS_URL: redis.url };
  const sent = await profilectl(phone, ...'send get --json --client caller --token-file'.split(' '), token);
  assert.equal(sent.exitCode, 1, sent.stderr);
  assert.match(sent.stderr, /refused: \{io,\{error,not_found\}/);
  assert.match(sent.stdout, /"topic":"events\/caller"/);
  const qa = { ...broker.settings('qa'), ...settings };
  const watching = profilectl(qa, 'watch', '--json', '--count', '2');
  let isWatched = false;
  void watching.then(() => {
    isWatched = true;
  });
  await eventually('both are seen', async () => {
    await profilectl(phone, ...'send get --client caller --token-file'.split(' '), token);
    return isWatched;
  });
  const lines = (await watching).stdout.trim().split('\n');
  const seen = lines.map((line) => JSON.parse(line).topic).toSorted();
  assert.deepEqual(seen, ['actions/caller', 'events/caller']);
  const worker = { ...broker.settings('worker'), ...settings, REDIS_URL: redis.url };
  const doctor = await profilectl(worker, 'doctor', '--json');
  const checks: { check: string; state: string }[] = JSON.parse(doctor.stdout);
  const ofBroker = checks.filter(({ check }) => /^(broker|plugin|subscription|rights)/.test(check));
  assert.ok(ofBroker.length > 0);
  for (const each of ofBroker) assert.notEqual(each.state, 'failed', JSON.stringify(each));
  const file = join(folder, 'dynamic-security.json');
  assert.equal((await profilectl(settings, 'broker', 'init', '--file', file)).exitCode, 0);
  const { roles } = JSON.parse(await readFile(file, 'utf8'));
  const allowed = (name: string) =>
    roles
      .find(({ rolename }: { rolename: string }) => rolename === name)
      .acls.map(({ topic }: { topic: string }) => topic);
  assert.deepEqual(allowed('phone'), ['events/+']);
  assert.deepEqual(allowed('worker'), [
    '$share/+/events/+',
    'events/+',
    'events/+',
    'actions/+/#',
    'devices/+',
    'workers/#',
    'workers/#',
    'workers/#',
  ]);
});
