/** Who takes requests the broker knows, whatever MQTT_WORKER_PREFIX is: workers get no hints, and without one the broker gives them. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { requests } from '../../src/handlers/index.ts';
import { Explorer } from '../harness/explorer.ts';
import { eventually, startHarness } from '../harness/harness.ts';

const phone = '380501112233';
const get = requests.get.example;
const harness = await startHarness({
  settings: {
    QA_TEXT: 'on',
    QA_MIRROR: 'on',
    MQTT_WORKER_PREFIX: 'team-',
    MQTT_CLIENT_ID: 'team-1',
  },
  broker: { hints: true, workerPrefix: 'team-' },
});
after(() => harness.stop());

const topicOf = (client: string) => `qa/hint/${client}`;

/** The next hint that a client gets after `act`. */
async function hintAfter(act: () => Promise<unknown>, who: Explorer): Promise<string> {
  const hints = () => who.on(topicOf(who.client)).filter(({ text }) => text !== '');
  const before = hints().length;
  await act();
  await eventually('a hint', () => hints().length > before);
  return (hints()[before]?.text ?? '').replaceAll('\n', ' ');
}

test('workers get no hints on what they publish, and a phone whose id begins with profile- does', async () => {
  const tester = await Explorer.open(harness, phone);
  await tester.askText(requests.set.example);
  await harness.signIn('profile-of-olena', phone);
  const other = new Explorer('profile-of-olena', phone);
  await other.connect(harness.broker.url, { protocolVersion: 4 }, ['#'], 0);
  await hintAfter(() => other.publish(get, { topic: '/events/1//api/anon//' }), other);
  const missed = tester.seen.map(({ topic }) => topic).filter((topic) => topic.startsWith('qa/missed/'));
  assert.deepEqual(missed, ['qa/missed/profile-of-olena']);
  await other.leave();
  await tester.leave();
});

test('without a worker the broker says so, until one has subscribed', async () => {
  const tester = await Explorer.open(harness, phone);
  const topic = topicOf(tester.client);
  await tester.askText(get);
  assert.deepEqual(tester.on(topic), []);
  await harness.worker.process.stop();
  assert.match(
    await hintAfter(() => tester.publish(get), tester),
    /^No worker is subscribed to requests; .* This request is lost, as its QoS is 0/,
  );
  const late = await Explorer.open(harness, '380509999999');
  await eventually('it is kept', () => late.on(topic).some(({ retain, text }) => retain && text !== ''));
  const answers = tester.answered().length;
  const kept = () => tester.mqtt.publishAsync('events/1//api/anon//', get, { qos: 2 });
  assert.match(await hintAfter(kept, tester), /The broker keeps this request for a worker/);
  const killed = await harness.startWorker();
  await eventually('the hint is gone', () => tester.on(topic).at(-1)?.text === '');
  await eventually('what was kept is answered', () => tester.answered().length > answers);

  await killed.process.kill('SIGKILL');
  assert.match(await hintAfter(() => tester.publish(get), tester), /No worker is subscribed/);
  await harness.startWorker();
  await eventually('it is gone again', () => tester.on(topic).at(-1)?.text === '');
  await Promise.all([tester.leave(), late.leave()]);
});
