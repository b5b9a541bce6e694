/** The metrics of deliveries, connections and foreign services in /metrics; docs/operations.md lists all of them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { eventually } from '../../harness/harness.ts';
import {
  aws,
  credentialsIn,
  link,
  startMailHarness,
  startStsHarness,
} from '../../harness/services-fixture.ts';
import { fieldsOf, profile } from '../../harness/terms.ts';

const own = await startMailHarness({ redis: {}, settings: { LOG_LEVEL: 'debug' } });
after(() => own.stop());

const metric = (name: string) => own.harness.metric(name);

test('requests that wait for Redis are unacknowledged, and the age of the oldest grows', async () => {
  const { harness } = own;
  const phone = await harness.phone();
  const set = profile({ phone: phone.number, status: 'set' });
  fieldsOf(await phone.ask(set));
  await harness.idle();
  assert.equal(await metric('profile_withheld_acknowledgements'), 0);
  assert.equal(await metric('profile_oldest_unacknowledged_age_seconds'), 0);
  await harness.redis.kill('SIGSTOP');
  for (let count = 0; count < 3; count++) await phone.send(set, { qos: 1 });
  await eventually('3 are withheld', async () => (await metric('profile_withheld_acknowledgements')) === 3);
  await eventually('the oldest is old', async () => {
    return (await metric('profile_oldest_unacknowledged_age_seconds')) > 0.3;
  });
  assert.equal(await metric('profile_in_flight'), 3);
  assert.equal(await metric('profile_in_flight_limit'), 256);
  await harness.redis.kill('SIGCONT');
  for (let count = 0; count < 3; count++) await phone.take();
  await harness.idle();
  assert.equal(await metric('profile_withheld_acknowledgements'), 0);
  assert.equal(await metric('profile_owed_acknowledgements'), 0);
  const counted = await metric('profile_request_duration_seconds_count{kind="set"}');
  const quick = await metric('profile_request_duration_seconds_bucket{kind="set",le="0.25"}');
  assert.ok(counted >= 4 && quick <= counted - 3, 'they took as long as they waited');
});

test('calls to Redis are counted, and the time of some is taken', async () => {
  const phone = await own.harness.phone();
  const name = 'profile_redis_calls_total{outcome="answered"}';
  const before = await metric(name);
  await phone.ask(profile({ phone: phone.number, status: 'get' }));
  assert.ok((await metric(name)) > before);
  assert.ok((await metric('profile_redis_round_trip_duration_seconds_count')) > 0);
  assert.ok((await metric('profile_redis_round_trip_duration_seconds_sum')) > 0);
});

test('mails are counted by the reply of the mail server', async () => {
  const count = (outcome: string) => metric(`profile_mail_call_duration_seconds_count{outcome="${outcome}"}`);
  const phone = await own.harness.phone();
  await phone.ask(link(phone, 'ann@example.org'));
  assert.deepEqual([await count('accepted'), await count('refused')], [1, 0]);
  await own.sink.stop();
  const other = await own.harness.phone();
  await other.ask(link(other, 'bob@example.org'));
  assert.deepEqual([await count('accepted'), await count('refused')], [1, 1]);
});

test('calls to STS are counted by its answer', async (t) => {
  const { harness, stop } = await startStsHarness();
  t.after(stop);
  const phone = await harness.phone();
  credentialsIn(await phone.ask(aws(phone)));
  assert.equal(await harness.metric('profile_sts_call_duration_seconds_count{outcome="issued"}'), 1);
});

test('connections that break are counted', async () => {
  const { harness } = own;
  const lost = (server: string) => metric(`profile_lost_connections_total{server="${server}"}`);
  assert.deepEqual([await lost('broker'), await lost('redis'), await metric('profile_ready')], [0, 0, 1]);
  await harness.redis.restart();
  await eventually('Redis was lost', async () => (await lost('redis')) === 1);
  await harness.broker.kill('SIGTERM');
  await eventually('the broker was lost', async () => (await lost('broker')) === 1);
  assert.equal(await metric('profile_ready'), 0);
  await harness.broker.restart();
  await eventually('ready again', async () => (await metric('profile_ready')) === 1);
});

test('docs/operations.md lists every metric of ours with its labels, and no other', async () => {
  // With MQTT_DYNAMIC_SECURITY the worker has more metrics.
  const worker = await own.harness.startWorker({ MQTT_DYNAMIC_SECURITY: 'on' });
  const { body } = await worker.page('/metrics');
  const shown = new Map<string, string[]>();
  for (const [, name = ''] of body.matchAll(/^# TYPE (profile_\w+) /gm)) {
    const [, labels = ''] = new RegExp(`^${name}(?:_count)?\\{(.*)\\} `, 'm').exec(body) ?? [];
    shown.set(name, [...labels.matchAll(/(\w+)="/g)].map(([, label = '']) => label).sort());
  }
  const docs = readFileSync(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
  const documented = new Map<string, string[]>();
  for (const [, name = '', labels = ''] of docs.matchAll(/^\| `(profile_\w+)` \| (.*?) ?\|/gm)) {
    documented.set(name, [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label).sort());
  }
  const sorted = (map: Map<string, string[]>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  assert.ok(shown.size > 15);
  assert.deepEqual(sorted(documented), sorted(shown));
});
