/** What nobody fetches ends at the broker by itself: credentials do not lie in its database for weeks. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { decode } from '../../src/etf/index.ts';
import { eventually, type Phone, startHarness } from '../harness/harness.ts';
import { connectClient, type Received } from '../harness/mqtt-clients.ts';
import { aws, credentialsIn, later, startStsHarness } from '../harness/services-fixture.ts';
import { contact, profile, roster } from '../harness/terms.ts';

const day = 86_400;
const expiryOf = ({ properties }: Pick<Received, 'properties'>) => properties?.messageExpiryInterval;

test('answers and notices end after a day, or after REPLY_EXPIRY', async (t) => {
  for (const [settings, expected] of [[{}, day] as const, [{ REPLY_EXPIRY: '77' }, 77] as const]) {
    const harness = await startHarness({ settings });
    t.after(() => harness.stop());
    const [phone, friend] = [await harness.phone(), await harness.phone()];
    const held = (id: number, phoneId: string) => [roster({ id, userlist: [contact({ phoneId })] })];
    const rosters = held(1, `${friend.number}_2`);
    const answer = await phone.exchange(profile({ phone: phone.number, rosters, status: 'set' }));
    const others = held(2, `${phone.number}_1`);
    await friend.exchange(profile({ phone: friend.number, rosters: others, status: 'set' }));
    await phone.exchange(profile({ phone: phone.number, update: Date.now(), status: 'update' }));
    await harness.idle();
    await friend.fence();
    assert.deepEqual([answer, ...friend.notices].map(expiryOf), [expected, expected]);
  }
});

/** Start a worker with an STS, and a phone that asks there. */
async function startAws(t: TestContext, settings: Record<string, string>) {
  const own = await startStsHarness({ settings });
  t.after(() => own.stop());
  return own.harness.phone();
}

test('credentials end after an hour at most, those just issued and those kept', async (t) => {
  const phone = await startAws(t, { AWS_SESSION_DURATION: '43200' });
  for (let count = 0; count < 2; count++) {
    const answer = await phone.exchange(aws(phone));
    assert.ok(Number(credentialsIn(decode(answer.payload)).expiration) > Date.now() + 3_600_000);
    assert.ok((expiryOf(answer) ?? day) <= 3600, `${expiryOf(answer)}`);
  }
});

test('credentials never wait for longer than they are valid', async (t) => {
  const phone = await startAws(t, { AWS_SESSION_DURATION: '900' });
  for (let count = 0; count < 2; count++) {
    const answer = await phone.exchange(aws(phone));
    assert.ok((expiryOf(answer) ?? Number.POSITIVE_INFINITY) <= 900, `${expiryOf(answer)}`);
  }
});

test('an answer that says that credentials come later ends as any other', async (t) => {
  const phone = await startAws(t, { AWS_FAST_REPLY_MS: '0' });
  const [one, two] = [await phone.exchange(aws(phone)), await phone.take()];
  const isLater = ({ payload }: Received) => isDeepStrictEqual(decode(payload), later);
  const [first, second] = isLater(one) ? [one, two] : [two, one];
  assert.equal(expiryOf(first), day);
  assert.ok((expiryOf(second) ?? day) <= 3600, `${expiryOf(second)}`);
});

test('a client that comes back too late finds nothing, in MQTT 3.1.1 and 5', async (t) => {
  const harness = await startHarness({ settings: { REPLY_EXPIRY: '1' } });
  t.after(() => harness.stop());
  for (const protocolVersion of [4, 5] as const) {
    const phone: Phone = await harness.phone();
    const found: string[] = [];
    const session = {
      clientId: `late-${protocolVersion}`,
      clean: false,
      protocolVersion,
      ...(protocolVersion === 5 && { properties: { sessionExpiryInterval: 3600 } }),
    };
    const late = await connectClient(t, harness.broker.url, session);
    await late.subscribeAsync([`actions/1/api/${phone.client}`, 'late'], { qos: 1 });
    await late.endAsync();
    await phone.exchange(profile({ phone: phone.number, status: 'get' }));
    await harness.idle();
    // The broker counts whole seconds.
    const expired = Date.now() + 2_100;
    await eventually('its time has passed', () => Date.now() > expired);
    await phone.mqtt.publishAsync('late', 'last', { qos: 1 });
    const back = await connectClient(t, harness.broker.url, session, ({ topic }) => found.push(topic));
    await eventually('the last message comes', () => found.includes('late'));
    assert.deepEqual(found, ['late']);
    await back.endAsync();
  }
});
