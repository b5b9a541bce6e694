/** Invalid bytes: answered with invalid_data, quickly, by a worker that keeps running. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { encode } from '../../../src/etf/index.ts';
import { badPayloads } from '../../harness/bad-payloads.ts';
import { startHarness } from '../../harness/harness.ts';
import { fieldsOf, profile, refusal } from '../../harness/terms.ts';

const harness = await startHarness();
const phone = await harness.phone();
await phone.ask(profile({ phone: phone.number, status: 'set' }));
after(() => harness.stop());

/** A restarted worker would answer too, but with another start time. */
const startTime = () => harness.metric('process_start_time_seconds');

describe('the worker answers invalid_data, and then the next request', () => {
  for (const [name, bytes] of Object.entries(badPayloads)) {
    test(name, async () => {
      const started = await startTime();
      assert.deepEqual(await phone.ask(bytes(phone.number)), refusal('invalid_data'));
      fieldsOf(await phone.ask(profile({ phone: phone.number, status: 'get' })));
      assert.equal(await startTime(), started);
    });
  }
});

test('all of them at once, from a client without a session: each is answered once', async () => {
  const stranger = await harness.phone({ session: false });
  const payloads = Object.values(badPayloads);
  await Promise.all(payloads.map((bytes) => stranger.send(bytes(phone.number), { qos: 1 })));
  await harness.idle();
  await stranger.fence();
  assert.equal(stranger.answers.length, payloads.length);
  fieldsOf(await phone.ask(profile({ phone: phone.number, status: 'get' })));
});

test('they are counted as invalid, and nothing of them is logged', async () => {
  assert.ok(
    (await harness.metric('profile_requests_total{kind="invalid",result="invalid_data",lane="fast"}')) > 50,
  );
  assert.ok(harness.worker.log().every(({ level }) => level === 'info' || level === 'debug'));
});

test('with limits at their widest, payloads beyond the usual ones are read and answered', async (t) => {
  const settings = { ETF_NESTING: '1000', ETF_ELEMENTS: '1000000', ETF_INFLATED_BYTES: '4000000' };
  const own = await startHarness({ settings });
  t.after(() => own.stop());
  const asker = await own.phone();
  for (const [name, bytes] of Object.entries(badPayloads)) {
    const { payload } = await asker.exchange(bytes(asker.number));
    if (!/elements|levels/.test(name)) assert.deepEqual(payload, encode(refusal('invalid_data')), name);
  }
  const { payload } = await asker.exchange(profile({ phone: asker.number, status: 'get' }));
  assert.notDeepEqual(payload, encode(refusal('not_found')));
});
