/** Requests that are deep and of many elements: they are read or refused for what they cost, and delay nobody for long. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { deepSettings, request } from '../../bench/flood/payloads.ts';
import { decode, encode, Foreign, print } from '../../src/etf/index.ts';
import { eventually, startHarness } from '../harness/harness.ts';
import { feature, fieldsOf, profile, refusal } from '../harness/terms.ts';

const ASKED = 60;

const harness = await startHarness({
  workers: 2,
  settings: { CLIENT_RATE: '50', CLIENT_BURST: '500', LOG_LEVEL: 'info' },
});
after(() => harness.stop());

/** Tuples inside each other. */
const nested = (levels: number) =>
  new Foreign(Buffer.concat([...Array<Buffer>(levels).fill(Buffer.of(104, 1)), Buffer.of(106)]));

test('values of 60 levels are stored and answered byte for byte; deeper ones are refused, and change nothing', async () => {
  const phone = await harness.phone();
  const set = (levels: number) =>
    profile({ phone: phone.number, settings: [feature('deep', nested(levels))], status: 'set' });
  const kept = fieldsOf(await phone.ask(set(58))).settings;
  assert.deepEqual(encode(kept ?? []), encode([feature('deep', nested(58))]));
  assert.deepEqual(await phone.ask(set(65)), refusal('invalid_data'));
  assert.deepEqual(fieldsOf(await phone.ask(request(phone.number, 'get'))).settings, kept);
});

test('60 requests of 65,000 elements at once: the limit lets in a few, and neighbours are all answered', async () => {
  const [attacker, ...neighbours] = await Promise.all(Array.from({ length: 11 }, () => harness.phone()));
  assert.ok(attacker);
  for (const phone of neighbours) await phone.ask(profile({ phone: phone.number, status: 'set' }));
  const payload = deepSettings(attacker.number);
  const begun = performance.now();
  const sending = Promise.all(Array.from({ length: ASKED }, () => attacker.send(payload, { qos: 1 })));
  for (let round = 0; round < 5; round++)
    for (const phone of neighbours)
      fieldsOf(await phone.ask(profile({ phone: phone.number, status: 'get' })));
  await sending;
  await eventually('all are answered', () => attacker.answers.length === ASKED);
  const refused = attacker.answers.filter(
    (answer) => print(decode(answer.payload)) === print(refusal('too_many_requests')),
  ).length;
  // A bucket holds the work of some megabyte on each of the two workers, until they hear of each other.
  const megabytes = ((ASKED - refused) * payload.length) / 2 ** 20;
  const allowed = 3 + ((performance.now() - begun) / 1_000) * 0.2;
  assert.ok(megabytes <= allowed, `${megabytes.toFixed(1)} MB are read, of ${allowed.toFixed(1)} allowed`);
});
