/** Who asks with MQTT Explorer and slips is told why on `qa/hint/<client>`: nothing is passed over in silence. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { requests } from '../../src/handlers/index.ts';
import { windowWidth } from '../../src/qa/formats/wrap.ts';
import { Explorer } from '../harness/explorer.ts';
import { eventually, startHarness } from '../harness/harness.ts';
import { connectClient } from '../harness/mqtt-clients.ts';

const phone = '380501112233';
const get = requests.get.example;
const harness = await startHarness({
  settings: { QA_TEXT: 'on', QA_MIRROR: 'on' },
  broker: { hints: true, requestLimits: true },
});
const explorer = await Explorer.open(harness, phone);
after(async () => {
  await explorer.leave();
  await harness.stop();
});

const topicOf = (client: string) => `qa/hint/${client}`;

/** The next hint that the Explorer gets after `act`. */
async function hintAfter(act: () => Promise<unknown>, who = explorer): Promise<string> {
  const hints = () => who.on(topicOf(who.client)).filter(({ text }) => text !== '');
  const before = hints().length;
  await act();
  await eventually('a hint', () => hints().length > before);
  const text = hints()[before]?.text ?? '';
  for (const line of text.split('\n'))
    assert.ok(line.length <= windowWidth || !line.includes(' '), `"${line}" is cut off`);
  const [hint = '', at = ''] = text.split('\n\n');
  assert.match(at, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  return hint.replaceAll('\n', ' ');
}

const slips: readonly (readonly [name: string, topic: string, hint: RegExp])[] = [
  [
    'a slash too few',
    'events/1//api/anon/',
    /"events\/1\/\/api\/anon\/" has a slash too few\. The topic of requests is events\/1\/\/api\/anon\/\//,
  ],
  ['two slashes too few', 'events/1//api/anon', /has 2 slashes too few/],
  ['a slash too many', 'events/1//api/anon///', /has a slash too many/],
  ['a leading slash', '/events/1//api/anon//', /begins with a slash/],
  ['a capital', 'Events/1//api/anon//', /has a capital letter/],
  ['white space', ' events/1//api/anon//', /has white space at an end/],
  ['several at once', '/Events/1//api/anon//', /several slips/],
  ['another word', 'events/2//api/anon//', /has "2" where another word belongs/],
  ['an empty Topic field', 'actions/1/api/emqttd_42', /empty Topic field/],
];

for (const [name, topic, hint] of slips)
  test(`${name}: ${topic}`, async () => {
    assert.match(await hintAfter(() => explorer.publish(get, { topic })), hint);
  });

test('a request published over an example is told, and the example comes back', async () => {
  const example = 'qa/examples/get';
  const back = () => explorer.on(example).filter(({ text }) => text === get).length;
  const before = back();
  const wrong = "#'Profile'{status = set}";
  const hint = await hintAfter(() => explorer.publish(wrong, { topic: example, retain: true }));
  assert.match(hint, /published to "qa\/examples\/get", where no worker reads/);
  await eventually('the example is back', () => back() > before);
  const late = await Explorer.open(harness, phone);
  await eventually('it is kept', () => late.on(example).some(({ text }) => text === get));
  await late.leave();
});

test('"retain" ticked: nothing is kept, nobody answers, and the hint says so', async () => {
  const answers = explorer.answered().length;
  assert.match(await hintAfter(() => explorer.publish(get, { retain: true })), /"retain" was ticked/);
  await explorer.askText(get);
  assert.equal(explorer.answered().length, answers + 1);
  const late = await Explorer.open(harness, phone);
  await late.askText(get);
  assert.deepEqual(
    late.seen.filter(({ topic }) => topic.startsWith('events/') && !topic.includes(late.client)),
    [],
  );
  await late.leave();
});

test('an empty payload', async () => {
  assert.match(await hintAfter(() => explorer.publish('')), /payload was empty/);
});

test('signed out, and since when', async () => {
  const other = await Explorer.open(harness, '380501112299');
  const ask = requests.get.example.replace(phone, other.number);
  await other.askText(requests.set.example.replace(phone, other.number));
  await other.askText(requests.remove.example.replace(phone, other.number));
  const hint = await hintAfter(() => other.publish(ask), other);
  assert.match(hint, /signed out since \d{4}-\d\d-\d\dT.*, when its phone was removed.*dev\/sign-in/);
  await other.leave();
});

test('a client without a session, and one of another phone', async () => {
  const stranger = new Explorer('mqtt-explorer-0badcafe', phone);
  await stranger.connect(harness.broker.url, { protocolVersion: 4 }, ['#'], 0);
  assert.match(
    await hintAfter(() => stranger.publish(get), stranger),
    /This client is signed out: it has no session/,
  );
  await stranger.leave();
  const theirs = get.replace(phone, '380671112233');
  assert.match(
    await hintAfter(() => explorer.publish(theirs)),
    new RegExp(`signed in as ${phone}, and the request names another phone`),
  );
});

test('what the broker takes for too much', async () => {
  const large = `${get}\n% ${'x'.repeat(600_000)}`;
  assert.match(await hintAfter(() => explorer.publish(large)), /too much/);
});

test('what the worker refuses as too many', async () => {
  const own = await startHarness({
    settings: { QA_TEXT: 'on', QA_MIRROR: 'on', CLIENT_RATE: '1', CLIENT_BURST: '1' },
  });
  const hasty = await Explorer.open(own, phone);
  const hint = await hintAfter(async () => {
    for (let count = 0; count < 30; count++) await hasty.publish(get);
  }, hasty);
  assert.match(hint, /CLIENT_RATE/);
  await hasty.leave();
  await own.stop();
});

test('a hint is retained, and goes with the next request that goes well', async () => {
  await hintAfter(() => explorer.publish(get, { topic: '/events/1//api/anon//' }));
  const late = await Explorer.open(harness, '380509999999');
  const topic = topicOf(explorer.client);
  await eventually('it is kept', () => late.on(topic).some(({ retain, text }) => retain && text !== ''));
  await explorer.askText(requests.set.example);
  await eventually('it is gone', () => late.on(topic).at(-1)?.text === '');
  await late.leave();
});

test('the broker keeps hints of 100 clients of a worker, not more', async (t) => {
  for (let count = 0; count < 105; count++) {
    const client = await connectClient(t, harness.broker.url, {
      clientId: `hasty-${count}`,
      protocolVersion: 4,
    });
    await client.publishAsync('/events/1//api/anon//', get, { qos: 1 });
    await client.endAsync();
    // The plugin tells of a hundred a second at most.
    if (count % 50 === 49) await sleep(1_100);
  }
  await eventually('the last has its hint', () => explorer.on(topicOf('hasty-104')).length > 0);
  const late = await Explorer.open(harness, '380509999999');
  await late.askText(get);
  const kept = new Set(
    late.seen
      .filter(({ topic, retain }) => retain && topic.startsWith('qa/hint/hasty'))
      .map(({ topic }) => topic),
  );
  assert.ok(kept.size <= 100 && kept.size >= 90, `${kept.size} hints`);
  assert.ok(!kept.has(topicOf('hasty-0')));
  await late.leave();
});

test('other publishes get no hint: trouble on purpose, words on any topic, and passwords for the broker', async () => {
  const before = explorer.on(topicOf(explorer.client)).length;
  for (const topic of ['dev/trouble', 'home/lamp', '$CONTROL/dynamic-security/v1'])
    await explorer.publish('{"commands":[{"command":"createClient","password":"secret"}]}', { topic });
  await explorer.askText(get);
  assert.equal(explorer.on(topicOf(explorer.client)).length, before);
  assert.ok(
    !explorer.seen.some(({ topic, text }) => topic.startsWith('qa/missed/') && text.includes('$CONTROL')),
  );
});

test('a worker says on qa/status whether it takes requests, and its version', async () => {
  const status = await explorer.json('qa/status/profile-1');
  assert.deepEqual(Object.keys(status), ['ready', 'troubles', 'worker', 'version']);
  await harness.redis.kill('SIGSTOP');
  await harness.redis.kill('SIGKILL');
  await eventually(
    'it is not ready',
    async () => (await explorer.json('qa/status/profile-1')).ready === false,
  );
  await harness.redis.restart();
  await eventually('it is ready', async () => (await explorer.json('qa/status/profile-1')).ready === true);
});
