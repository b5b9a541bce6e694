/** CLIENT_RATE and CLIENT_BURST: the rate of one client, over all workers together. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { decode, print } from '../../../src/etf/index.ts';
import { openRedis } from '../../../src/store/redis/database.ts';
import { eventually, startHarness } from '../../harness/harness.ts';
import { profile, refusal } from '../../harness/terms.ts';
import { SharedBucket } from '../../unit/pipeline/rate-simulation.ts';

const BURST = 40;
const ASKED = 400;

const harness = await startHarness({ workers: 2, settings: { CLIENT_RATE: '5', CLIENT_BURST: `${BURST}` } });
after(() => harness.stop());

test('above it the answer is too_many_requests, from all workers; others are answered as always', async () => {
  const [flood, other] = [await harness.phone(), await harness.phone()];
  await other.ask(profile({ phone: other.number, status: 'set' }));
  const request = profile({ phone: flood.number, status: 'get' });
  const begun = performance.now();
  for (let count = 0; count < ASKED; count += 20) {
    await Promise.all(Array.from({ length: 20 }, () => flood.send(request, { qos: 1 })));
    await eventually('they are answered', () => flood.answers.length >= count + 20);
    // One worker reports its use to the other a moment later.
    await delay(75);
  }
  const refused = flood.answers.filter(
    ({ payload }) => print(decode(payload)) === print(refusal('too_many_requests')),
  );
  const letIn = ASKED - refused.length;
  const seconds = (performance.now() - begun) / 1_000;
  // Two workers with a bucket each would allow twice the burst; before the first report they allow one round.
  assert.ok(
    letIn >= BURST && letIn <= BURST + seconds * 5 + 30,
    `${letIn} of ${ASKED} in ${seconds.toFixed(1)} s`,
  );
  const refusedBy = await Promise.all(
    harness.workers.map((worker) =>
      worker.metric('profile_requests_total{kind="get",result="too_many_requests",lane="fast"}'),
    ),
  );
  assert.ok(
    refusedBy.every((count) => count > 0),
    `both workers refuse: ${refusedBy}`,
  );
  assert.equal(print(await other.ask(profile({ phone: other.number, status: 'get' }))).includes('get'), true);
});

test('payloads that cannot be read count too', async () => {
  const phone = await harness.phone();
  for (let count = 0; count < 100; count++) await phone.send(Buffer.from('no term'), { qos: 1 });
  await eventually('all are answered', () => phone.answers.length === 100);
  const kinds = new Set(phone.answers.map(({ payload }) => print(decode(payload))));
  assert.deepEqual(
    [...kinds].sort(),
    ['invalid_data', 'too_many_requests'].map((code) => print(refusal(code))),
  );
});

test('the script charges as the simulation of the unit tests does', async () => {
  const redis = openRedis(harness.redis.url, 'script:', () => undefined);
  try {
    let client = 0;
    const [cost, age, maxAhead] = [fc.nat(300_000), fc.nat(1_000_000), 500_000];
    const reports = fc.array(fc.record({ cost, age }), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(reports, async (all) => {
        const model = new SharedBucket();
        const key = redis.keys.rate(`client-${client++}`);
        for (const { cost, age } of all) {
          const ahead = await redis.measure('report-use', [key], [cost, age, maxAhead]);
          const { since, full, former } = await harness.database.hgetall(key);
          const now = Number(full) - ahead;
          assert.equal(model.report(now, cost, { age, maxAhead }), ahead);
          const kept = [former, `${since} ${full}`].filter((period) => period !== '');
          assert.deepEqual(
            kept,
            model.periods.map((period) => `${period.since} ${period.full}`),
          );
          assert.ok((await harness.database.pttl(key)) > 0);
        }
      }),
      { numRuns: 50 },
    );
  } finally {
    await redis.close();
  }
});

test('the counters in Redis expire by themselves', async () => {
  for (const key of await harness.database.keys('rate:*'))
    assert.ok((await harness.database.pttl(key)) > 0, key);
  assert.ok((await harness.database.keys('rate:*')).length > 0);
});
