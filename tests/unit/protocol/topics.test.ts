import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Topics } from '../../../src/protocol/topics.ts';

const topics = new Topics();
const newer = new Topics({ request: 'events/:client', answer: 'actions/:client', notice: 'devices/:phone' });

const level = fc.string({ unit: fc.constantFrom('a', 'Z', '9', '_', '.', 'é', ' ') });

test('any levels, empty ones too, are read back from the topic of a request', () => {
  const property = fc.property(level, level, level, level, (node, user, client, token) => {
    const parsed = topics.readRequest(`events/1/${node}/api/${user}/${client}/${token}`);
    assert.deepEqual(parsed, { client, token });
  });
  fc.assert(property);
});

test('the topic that clients in the field publish to has only a user', () => {
  assert.equal(topics.request(), 'events/1//api/anon//');
  assert.deepEqual(topics.readRequest('events/1//api/anon//'), { client: '', token: '' });
  assert.equal(topics.request('c1', 'secret'), 'events/1//api/anon/c1/secret');
});

test('the topics of newer deployments', () => {
  assert.equal(newer.request('c1', 'secret'), 'events/c1');
  assert.equal(newer.request(), 'events/');
  assert.deepEqual(newer.readRequest('events/c1'), { client: 'c1', token: '' });
  for (const other of ['events', 'events/c1/', 'events/1//api/anon//', 'actions/c1'])
    assert.equal(newer.readRequest(other), undefined);
  assert.equal(newer.answer('c1'), 'actions/c1');
  assert.equal(newer.notice('380501112233'), 'devices/380501112233');
  assert.equal(newer.sharedFilter('profile'), '$share/profile/events/+');
  assert.deepEqual([newer.answers, newer.notices], ['actions/+/#', 'devices/+']);
  assert.equal(newer.ownResponseTopic('actions/c1/rpc', 'c1'), 'actions/c1/rpc');
  assert.equal(newer.ownResponseTopic('actions/1/api/c1', 'c1'), undefined);
});

test('placeholders may stand at any level but the first, in any order', () => {
  const odd = new Topics({
    request: 'a.b/:token/:client/x',
    answer: 'to/:client/answers',
    notice: 'n/:phone/x',
  });
  assert.deepEqual(odd.readRequest('a.b/secret/c1/x'), { client: 'c1', token: 'secret' });
  assert.equal(odd.readRequest('aXb/secret/c1/x'), undefined);
  assert.equal(odd.request('c1', 'secret'), 'a.b/secret/c1/x');
  assert.equal(odd.answer('c1'), 'to/c1/answers');
  assert.equal(odd.clientOfAnswer('to/c1/answers/below'), 'c1');
  assert.equal(odd.clientOfAnswer('to/c1'), undefined);
  assert.equal(odd.clientOfResponseTopic('to/c1/answers'), 'c1');
  assert.equal(odd.clientOfResponseTopic('to/c1/answers/below'), undefined);
  assert.equal(odd.phoneOfNotice('n/380501112233/x'), '380501112233');
  assert.equal(odd.phoneOfNotice('n/380501112233'), undefined);
});

for (const topic of [
  '',
  'events',
  'events/1/',
  'events/1//api',
  'events/1//api/',
  'events/1//api/anon',
  'events/1//api/anon/',
  'events/1//api/anon///',
  'events/1/a/b/api/anon//',
  'events/1/node/apix/anon//',
  'events/2//api/anon//',
  'Events/1//api/anon//',
  '/events/1//api/anon//',
  'actions/1/api/emqttd_42',
]) {
  test(`'${topic}' is not the topic of a request`, () => assert.equal(topics.readRequest(topic), undefined));
}

test('answers, notices and the shared subscription have their own topics', () => {
  assert.equal(topics.answer('emqttd_42'), 'actions/1/api/emqttd_42');
  assert.equal(topics.notice('380501112233'), 'ses/380501112233');
  assert.equal(topics.sharedFilter('profile'), '$share/profile/events/1/+/api/+/+/+');
});

test("a Response Topic is used if it is the client's own action topic or lies below it", () => {
  assert.equal(topics.ownResponseTopic('actions/1/api/c1', 'c1'), 'actions/1/api/c1');
  assert.equal(topics.ownResponseTopic('actions/1/api/c1/rpc/7', 'c1'), 'actions/1/api/c1/rpc/7');
});

for (const [responseTopic, client] of [
  [undefined, 'c1'],
  ['', 'c1'],
  ['actions/1/api/c2', 'c1'],
  ['actions/1/api/c11', 'c1'],
  ['actions/1/api/', ''],
  ['actions/1/api//x', ''],
  ['actions/1/api/c1/+', 'c1'],
  ['actions/1/api/c1/#', 'c1'],
  ['actions/1/api/c1/\0', 'c1'],
  ['actions/1/api/c1/\u0085', 'c1'],
  ['actions/1/api/c1/\ufffe', 'c1'],
  ['actions/1/api/c1/\ud800', 'c1'],
  ['ses/380501112233', 'c1'],
] as const) {
  test(`the Response Topic ${JSON.stringify(responseTopic)} is not one of client '${client}'`, () =>
    assert.equal(topics.ownResponseTopic(responseTopic, client), undefined));
}

test('a Response Topic has at most 16 levels and 512 bytes', () => {
  const own = 'actions/1/api/c1';
  const ofLevels = (count: number) => `${own}${'/x'.repeat(count - 4)}`;
  const ofBytes = (count: number, letter: string) =>
    `${own}/${letter.repeat((count - own.length - 1) / Buffer.byteLength(letter))}`;
  for (const fit of [ofLevels(16), ofBytes(512, 'x'), ofBytes(511, 'é')])
    assert.equal(topics.ownResponseTopic(fit, 'c1'), fit);
  for (const unfit of [ofLevels(17), ofLevels(211), ofBytes(513, 'x'), ofBytes(513, 'é')])
    assert.equal(topics.ownResponseTopic(unfit, 'c1'), undefined);
});

test('a Response Topic names a client only in exactly the form of an action topic', () => {
  assert.equal(topics.clientOfResponseTopic('actions/1/api/c1'), 'c1');
  for (const other of [undefined, '', 'actions/1/api/', 'actions/1/api/c1/x', 'actions/1/api/+', 'ses/1']) {
    assert.equal(topics.clientOfResponseTopic(other), undefined);
  }
});

test('requests take turns by the client, and by its token too where only that shows who asks', () => {
  const topic = 'events/1/node/api/anon/c1/secret';
  assert.equal(topics.senderOf(topic, 'broker'), 'c1');
  assert.equal(topics.senderOf(topic, 'token'), 'c1/secret');
  assert.equal(newer.senderOf('events/c1', 'broker'), 'c1');
  for (const other of ['', '/', 'x', 'x/y'])
    for (const identity of ['broker', 'token'] as const)
      assert.equal(typeof topics.senderOf(other, identity), 'string');
});

test('a level of 1,024 characters is one of a request, a longer one is not, and names no turn', () => {
  const [longest, over] = ['x'.repeat(1_024), 'x'.repeat(1_025)];
  const all = `events/1/${longest}/api/${longest}/${longest}/${longest}`;
  assert.deepEqual(topics.readRequest(all), { client: longest, token: longest });
  assert.equal(topics.senderOf(all, 'token'), `${longest}/${longest}`);
  assert.equal(topics.clientOfResponseTopic(`actions/1/api/${longest}`), longest);
  for (const topic of [
    `events/1//api/anon/${over}/secret`,
    `events/1//api/anon/c1/${over}`,
    // A short level would keep this whole topic in memory: V8 cuts it out without a copy.
    `events/1/${over}/api/anon/c1/secret`,
    `events/1//api/${over}/c1/secret`,
  ]) {
    assert.equal(topics.readRequest(topic), undefined);
    for (const identity of ['broker', 'token'] as const) assert.equal(topics.senderOf(topic, identity), '');
  }
  assert.equal(topics.clientOfResponseTopic(`actions/1/api/${over}`), undefined);
});
