import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  actionTopic,
  clientOfResponseTopic,
  ownResponseTopic,
  parseEventTopic,
  sessionTopic,
  sharedFilter,
} from '../../../src/protocol/topics.ts';

const level = fc.string({ unit: fc.constantFrom('a', 'Z', '9', '_', '.', 'é', ' ') });

test('any levels, empty ones too, are read back from the topic of a request', () => {
  const property = fc.property(level, level, level, level, (node, user, client, token) => {
    const parsed = parseEventTopic(`events/1/${node}/api/${user}/${client}/${token}`);
    assert.deepEqual(parsed, { node, user, client, token });
  });
  fc.assert(property);
});

test('the topic that clients in the field publish to has only a user', () => {
  assert.deepEqual(parseEventTopic('events/1//api/anon//'), {
    node: '',
    user: 'anon',
    client: '',
    token: '',
  });
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
  test(`'${topic}' is not the topic of a request`, () => assert.equal(parseEventTopic(topic), undefined));
}

test('answers, notices and the shared subscription have their own topics', () => {
  assert.equal(actionTopic('emqttd_42'), 'actions/1/api/emqttd_42');
  assert.equal(sessionTopic('380501112233'), 'ses/380501112233');
  assert.equal(sharedFilter('profile'), '$share/profile/events/1/+/api/+/+/+');
});

test("a Response Topic is used if it is the client's own action topic or lies below it", () => {
  assert.equal(ownResponseTopic('actions/1/api/c1', 'c1'), 'actions/1/api/c1');
  assert.equal(ownResponseTopic('actions/1/api/c1/rpc/7', 'c1'), 'actions/1/api/c1/rpc/7');
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
    assert.equal(ownResponseTopic(responseTopic, client), undefined));
}

test('a Response Topic has at most 16 levels and 512 bytes', () => {
  const own = 'actions/1/api/c1';
  const ofLevels = (count: number) => `${own}${'/x'.repeat(count - 4)}`;
  const ofBytes = (count: number, letter: string) =>
    `${own}/${letter.repeat((count - own.length - 1) / Buffer.byteLength(letter))}`;
  for (const fit of [ofLevels(16), ofBytes(512, 'x'), ofBytes(511, 'é')])
    assert.equal(ownResponseTopic(fit, 'c1'), fit);
  for (const unfit of [ofLevels(17), ofLevels(211), ofBytes(513, 'x'), ofBytes(513, 'é')])
    assert.equal(ownResponseTopic(unfit, 'c1'), undefined);
});

test('a Response Topic names a client only in exactly the form of an action topic', () => {
  assert.equal(clientOfResponseTopic('actions/1/api/c1'), 'c1');
  for (const other of [undefined, '', 'actions/1/api/', 'actions/1/api/c1/x', 'actions/1/api/+', 'ses/1']) {
    assert.equal(clientOfResponseTopic(other), undefined);
  }
});
