/** Clients with a steady rate, below the limit and above it, on two workers at once. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { decode, print } from '../../src/etf/index.ts';
import { eventually, type Phone, startHarness } from '../harness/harness.ts';
import { profile, refusal } from '../harness/terms.ts';

const RATE = 50;
const BURST = 500;

const harness = await startHarness({
  workers: 2,
  settings: { CLIENT_RATE: `${RATE}`, CLIENT_BURST: `${BURST}`, LOG_LEVEL: 'info' },
});
after(() => harness.stop());

/** Sends requests at this rate; after a stall of the machine it continues from there, never faster. */
async function askSteadily(phone: Phone, perSecond: number, requests: number): Promise<void> {
  const request = profile({ phone: phone.number, status: 'get' });
  let due = performance.now();
  for (let asked = 0; asked < requests; asked++) {
    due = Math.max(due + 1_000 / perSecond, performance.now() - 100);
    await delay(Math.max(0, due - performance.now()));
    await phone.send(request, { qos: 0 });
  }
  await eventually('all are answered', () => phone.answers.length === requests);
}

const refused = ({ answers }: Phone): number =>
  answers.filter(({ payload }) => print(decode(payload)) === print(refusal('too_many_requests'))).length;

test('those below the limit are never refused, and one above it gets its share', async () => {
  const [slow, brisk, flood] = [await harness.phone(), await harness.phone(), await harness.phone()];
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1_000;
  let tookSeconds = 0;
  await Promise.all([
    askSteadily(slow, 20, 20 * 15),
    askSteadily(brisk, 48, 48 * 15),
    askSteadily(flood, 200, 200 * 15).then(() => {
      tookSeconds = seconds();
    }),
  ]);
  assert.equal(refused(slow), 0, 'of 20 a second');
  assert.equal(refused(brisk), 0, 'of 48 a second');
  const letIn = flood.answers.length - refused(flood);
  const allowed = BURST + RATE * tookSeconds;
  assert.ok(Math.abs(letIn / allowed - 1) < 0.1, `${letIn} of ${allowed.toFixed(0)} were let in`);
  const served = await Promise.all(
    harness.workers.map((worker) => worker.metric('profile_request_duration_seconds_count{kind="get"}')),
  );
  assert.ok(
    served.every((count) => count > 1_000),
    `both workers were asked: ${served}`,
  );
});
