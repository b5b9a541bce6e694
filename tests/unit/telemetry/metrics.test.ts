import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openMetrics } from '../../../src/telemetry/metrics.ts';
import { Durations } from '../../../src/telemetry/tallies.ts';

test('a duration counts in every bucket that it fits in, its bound included', () => {
  const bounds = [0.001, 0.01, 0.1];
  const seconds = fc.oneof(fc.constantFrom(0, ...bounds), fc.double({ min: 0, max: 1, noNaN: true }));
  fc.assert(
    fc.property(fc.array(seconds), (all) => {
      const durations = new Durations(bounds);
      for (const one of all) durations.count(one);
      const { buckets, count, sum } = durations.read();
      assert.equal(count, all.length);
      assert.ok(Math.abs(sum - all.reduce((total, one) => total + one, 0)) < 1e-9);
      const expected = bounds.map((bound) => [bound, all.filter((one) => one <= bound).length]);
      assert.deepEqual(buckets, [...expected, ['+Inf', all.length]]);
    }),
  );
});

test('series that alerts use are 0 before they first happen; an unknown kind appears when it happens', async () => {
  const metrics = openMetrics({ link: 'mail' });
  const lines = async () =>
    (await metrics.text()).split('\n').filter((line) => /^profile_request/.test(line));
  assert.ok((await lines()).includes('profile_requests_total{kind="link",result="busy",lane="mail"} 0'));
  metrics.answered('link', 'busy', 0.02);
  metrics.answered('invalid', 'invalid_data', 0.0004);
  const shown = await lines();
  for (const line of [
    'profile_requests_total{kind="link",result="busy",lane="mail"} 1',
    'profile_requests_total{kind="invalid",result="invalid_data",lane="fast"} 1',
    'profile_request_duration_seconds_bucket{kind="link",le="0.01"} 0',
    'profile_request_duration_seconds_bucket{kind="link",le="0.025"} 1',
    'profile_request_duration_seconds_bucket{kind="link",le="+Inf"} 1',
    'profile_request_duration_seconds_sum{kind="link"} 0.02',
    'profile_request_duration_seconds_count{kind="invalid"} 1',
  ])
    assert.ok(shown.includes(line), line);
  assert.equal(new Set(shown).size, shown.length);
});
