/** As many calls to STS are under way as AWS_CONCURRENCY says: the SDK has no smaller bound of its own. */
import { after, test } from 'node:test';
import { decode } from '../../src/etf/index.ts';
import { eventually, type Phone } from '../harness/harness.ts';
import { aws, credentialsIn, later, startStsHarness } from '../harness/services-fixture.ts';

const own = await startStsHarness({
  settings: { AWS_CONCURRENCY: '64', AWS_FAST_REPLY_MS: '50', AWS_DEADLINE_MS: '60000' },
});
after(() => own.stop());

test('64 phones ask at once while STS is slow: 64 calls are under way, and each phone hears its credentials', async () => {
  own.sts.mode('slow', 4_000);
  const phones: Phone[] = [];
  while (phones.length < 64) phones.push(await own.harness.phone());
  await Promise.all(phones.map((phone) => phone.send(aws(phone), { qos: 1 })));
  await eventually('all calls are under way', () => own.sts.concurrentPeak() === 64);
  for (const phone of phones) {
    let answer = decode((await phone.take()).payload);
    if (JSON.stringify(answer) === JSON.stringify(later)) answer = decode((await phone.take()).payload);
    credentialsIn(answer);
  }
});
