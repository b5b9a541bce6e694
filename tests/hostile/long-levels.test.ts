/** CLIENT_IDENTITY=token: clients and tokens with names of 65,000 characters cost a worker no memory and no reads. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { eventually, startHarness } from '../harness/harness.ts';
import { profile, refusal } from '../harness/terms.ts';

const settings = { CLIENT_IDENTITY: 'token', LOG_LEVEL: 'info' };
const harness = await startHarness({ broker: { plugin: false }, workers: 1, settings });
after(() => harness.stop());

const sum = async (names: readonly string[]): Promise<number> => {
  const each = await Promise.all(names.map((name) => harness.metric(name)));
  return each.reduce((total, value) => total + value, 0);
};
const ignored = () => sum(['profile_ignored_total{reason="topic"}']);
const wrongTokens = () =>
  sum(['yes', 'no'].map((answered) => `profile_wrong_tokens_total{answered="${answered}"}`));

const long = (index: number): string => String(index).padStart(65_000, 'x');

/** The topics of a request that have one level too long, each with another one. */
const topics: Readonly<Record<string, (index: number) => string>> = {
  client: (index) => `events/1//api/anon/${long(index)}/wrong`,
  token: (index) => `events/1//api/anon/client-${index}/${long(index)}`,
  node: (index) => `events/1/${long(index)}/api/anon/client-${index}/wrong`,
};

for (const [level, topicOf] of Object.entries(topics))
  test(`many requests, each with another ${level} of 65,000 characters: no token is looked at, and others are answered`, async () => {
    const bad = await harness.phone({ session: false });
    const honest = await harness.phone({ token: 'secret' });
    const topic = `events/1//api/anon/${honest.client}/secret`;
    const before = await ignored();
    const payload = profile({ phone: bad.number, status: 'get' });
    for (let sent = 0; sent < 200; sent += 20)
      await Promise.all(
        Array.from({ length: 20 }, (_, index) => bad.send(payload, { qos: 1, topic: topicOf(sent + index) })),
      );
    await honest.send(profile({ phone: honest.number, status: 'get' }), { qos: 1, topic });
    await eventually('the honest client is answered', () => honest.answers.length === 1);
    await eventually('all are ignored', async () => (await ignored()) - before === 200);
    assert.equal(await wrongTokens(), 0, 'no token is looked at');
    await harness.idle();
  });

test('a Response Topic names no client of 65,000 characters', async () => {
  const bad = await harness.phone({ session: false });
  const unaddressed = 'profile_ignored_total{reason="unaddressed"}';
  await bad.send(profile({ phone: bad.number, status: 'get' }), {
    qos: 1,
    topic: 'events/1//api/anon//wrong',
    properties: { responseTopic: `actions/1/api/${long(0)}` },
  });
  await eventually('it is counted', async () => (await harness.metric(unaddressed)) === 1);
});

test('a name of 1,024 characters is a client as any other', async () => {
  const phone = await harness.phone({ client: 'c'.repeat(1_024), token: 'secret' });
  const topic = `events/1//api/anon/${phone.client}/secret`;
  const request = profile({ phone: phone.number, status: 'get' });
  assert.deepEqual(await phone.ask(request, { qos: 1, topic }), refusal('not_found'));
});
