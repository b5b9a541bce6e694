/** The QA mirror with the topics of newer deployments. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atom, encode } from '../../../src/etf/index.ts';
import { eventually, startHarness } from '../../harness/harness.ts';
import { openClient, watch } from '../../harness/mqtt-clients.ts';
import { contact, profile, roster } from '../../harness/terms.ts';

const topics = { request: 'events/:client', answer: 'actions/:client', notice: 'devices/:phone' };
const settings = { REQUEST_TOPIC: topics.request, ANSWER_TOPIC: topics.answer, NOTICE_TOPIC: topics.notice };
const friendOf = ({ number }: { number: string }) =>
  roster({ userlist: [contact({ phoneId: `${number}_1`, status: atom('friend') })] });

test('the QA mirror shows requests, answers and notices', async (t) => {
  const harness = await startHarness({
    broker: { topics },
    settings: { ...settings, QA_MIRROR: 'on', NODE_ENV: 'test' },
  });
  t.after(() => harness.stop());
  const { seen } = await watch(t, harness.broker.url, 'qa/#');
  await harness.signIn('shown', '380501110009');
  const mqtt = await openClient(harness.broker.url, { clientId: 'shown' });
  t.after(() => mqtt.endAsync(true));
  const friend = { number: '380501110010' };
  await harness.signIn('friend', friend.number);
  const other = await openClient(harness.broker.url, { clientId: 'friend' });
  t.after(() => other.endAsync(true));
  const isShown = (topic: string) =>
    eventually(`${topic} is mirrored`, () => seen.some((message) => message.topic === topic));
  const set = (number: string, of: { number: string }) =>
    encode(profile({ phone: number, rosters: [friendOf(of)], status: 'set' }));
  await mqtt.publishAsync('events/', set('380501110009', friend), { qos: 1 });
  await other.publishAsync('events/shown', set(friend.number, { number: '380501110009' }), { qos: 1 });
  for (const topic of ['qa/req/shown/set', 'qa/rep/shown/set', 'qa/req/friend/set', 'qa/rep/friend/set'])
    await isShown(topic);
  const online = { update: Date.now(), presence: atom('online') };
  const update = profile({ phone: '380501110009', ...online, status: 'update' });
  await mqtt.publishAsync('events/', encode(update), { qos: 1 });
  await isShown(`qa/ses/${friend.number}`);
  const help = seen.find(({ topic }) => topic === 'qa/help');
  assert.match(`${help?.payload}`, /qa\/req\/<client>/);
});
