/** What comes again is charged to its client, unless a worker has charged it before; what perhaps was is never refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode, print } from '../../src/etf/index.ts';
import { publishPacket } from '../../src/mqtt/publish-packet.ts';
import { eventually, type Phone, startHarness } from '../harness/harness.ts';
import { profile, refusal } from '../harness/terms.ts';

const tooMany = print(refusal('too_many_requests'));
const redeliveries = 'profile_redeliveries_total';
const charged = 'profile_charged_units_total{work="requests"}';

const get = ({ number: phone }: Phone, bytes = 0) =>
  profile({ phone, services: 'x'.repeat(bytes), status: 'get' });

const letIn = ({ answers }: Phone): number =>
  answers.filter(({ payload }) => print(decode(payload)) !== tooMany).length;

test('clients whose requests a worker passes over get what their buckets hold', async (t) => {
  const [rate, burst, each] = [1, 10, 2_300];
  const harness = await startHarness({ settings: { CLIENT_RATE: `${rate}`, CLIENT_BURST: `${burst}` } });
  t.after(() => harness.stop());
  const phones = await Promise.all(Array.from({ length: 6 }, () => harness.phone()));
  for (const phone of phones) await phone.ask(profile({ phone: phone.number, status: 'set' }));
  const begun = performance.now();
  for (const phone of phones) {
    const request = { topic: 'events/1//api/anon//', payload: Buffer.from(encode(get(phone, 1_100))) };
    // Not by the library: it waits for the broker, and no queue fills.
    const packets = Array.from({ length: each }, (_, place) =>
      publishPacket({ ...request, qos: 1 }, { qos: 1, packetId: place + 1, isResent: false }),
    ).flat();
    phone.mqtt.stream.write(Buffer.concat(packets));
  }
  for (const phone of phones) await eventually('all are answered', () => phone.answers.length >= each);
  // Where the broker gets less of the machine than the worker, none is passed over; unit tests of the inbound side have that.
  t.diagnostic(`${await harness.metric(redeliveries)} have come again`);
  const seconds = (performance.now() - begun) / 1_000;
  // A request that waited counts as if it had come earlier, by the time that has passed at most.
  for (const phone of phones)
    assert.ok(letIn(phone) <= burst + 2 * rate * seconds, `${letIn(phone)} in ${seconds.toFixed(1)} s`);
});

test('what a dead worker left is answered, whatever its client has used; what it cannot have begun is charged', async (t) => {
  const [burst, left, window] = [10, 100, 5];
  const settings = { CLIENT_RATE: '1', CLIENT_BURST: `${burst}`, MQTT_RECEIVE_MAXIMUM: `${left}` };
  const harness = await startHarness({ redis: {}, settings: { ...settings, CLIENT_RATE: '0' } });
  t.after(() => harness.stop());
  const phone = await harness.phone();
  await phone.ask(profile({ phone: phone.number, status: 'set' }));
  await harness.redis.kill('SIGSTOP');
  for (let sent = 0; sent < left; sent++) await phone.send(get(phone), { qos: 1 });
  await eventually(
    'the worker has them all',
    async () => (await harness.worker.metric('profile_in_flight')) === left,
  );
  await harness.worker.process.kill('SIGKILL');
  await harness.redis.kill('SIGCONT');

  const next = await harness.startWorker({
    ...settings,
    MQTT_CLIENT_ID: 'profile-1',
    MQTT_RECEIVE_MAXIMUM: `${window}`,
  });
  await eventually('all are answered', () => phone.answers.length >= left);
  await next.idle();
  assert.equal(letIn(phone), left);
  assert.equal(await next.metric(redeliveries), left);
  assert.equal(await next.metric(charged), left - window);
  phone.answers.length = 0;
  assert.equal(print(await phone.ask(get(phone))), tooMany);
});
