/** Two devices of many phones ask for credentials while STS hangs: the in-flight window keeps room for everybody else. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decode, print } from '../../src/etf/index.ts';
import { eventually, type Phone } from '../harness/harness.ts';
import { aws, credentialsIn, later, startStsHarness } from '../harness/services-fixture.ts';
import { profile, refusal } from '../harness/terms.ts';

const WINDOW = 32;
const PHONES = 20;

const own = await startStsHarness({
  workers: 1,
  settings: {
    MQTT_RECEIVE_MAXIMUM: `${WINDOW}`,
    AWS_CONCURRENCY: '8',
    AWS_QUEUE: '12',
    AWS_FAST_REPLY_MS: '50',
    AWS_DEADLINE_MS: '60000',
  },
});
after(() => own.stop());

const take = async (phone: Phone) => decode((await phone.take()).payload);
const inFlight = () => own.harness.metric('profile_in_flight');

test('a quarter of the window waits for answers of STS to others; beyond it the answer is busy, and a get has room', async () => {
  const firsts = await Promise.all(Array.from({ length: PHONES }, () => own.harness.phone()));
  const seconds = await Promise.all(firsts.map(({ number }) => own.harness.phone({ number })));
  const other = await own.harness.phone();
  own.sts.mode('hang');
  for (const first of firsts) {
    await first.send(aws(first), { qos: 1 });
    assert.deepEqual(await take(first), later);
  }
  assert.equal(await inFlight(), PHONES, 'who asks STS, or waits for a place in its lane');

  const busy = print(refusal('busy'));
  const answers: string[] = [];
  for (const second of seconds) {
    await second.send(aws(second), { qos: 1 });
    answers.push(print(await take(second)));
  }
  const waiting = seconds.filter((_, index) => answers[index] !== busy);
  assert.equal(waiting.length, WINDOW / 4, 'the others are told to try again');
  await eventually('they hold no place', async () => (await inFlight()) === PHONES + WINDOW / 4);
  assert.deepEqual(await other.ask(profile({ phone: other.number, status: 'get' })), refusal('not_found'));
  // A client that waits may ask again: its new request takes the place of the former one.
  const [again] = waiting;
  assert.ok(again);
  await again.send(aws(again), { qos: 1 });
  assert.deepEqual(await take(again), later);

  own.sts.mode('success');
  for (const phone of [...firsts, ...waiting]) credentialsIn(await take(phone));
  await own.harness.idle();
  const [refused] = seconds.filter((_, index) => answers[index] === busy);
  assert.ok(refused);
  own.sts.mode('hang');
  credentialsIn(await refused.ask(aws(refused)));
});
