/** Requests of one phone for credentials while STS hangs: one call, few that wait, and room for everybody else. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decode } from '../../src/etf/index.ts';
import { maxWaiting } from '../../src/store/credentials.ts';
import { openStoresOf } from '../harness/direct-calls.ts';
import { eventually, type Phone } from '../harness/harness.ts';
import { aws, credentialsIn, later, startStsHarness } from '../harness/services-fixture.ts';
import { profile, refusal } from '../harness/terms.ts';

const own = await startStsHarness({
  workers: 2,
  settings: {
    AWS_CONCURRENCY: '2',
    AWS_QUEUE: '1',
    AWS_FAST_REPLY_MS: '50',
    AWS_DEADLINE_MS: '16000',
    // So that all who may wait for one phone fit into the quarter of one worker.
    MQTT_RECEIVE_MAXIMUM: '64',
  },
});
after(() => own.stop());

const take = async (phone: Phone) => decode((await phone.take()).payload);

async function sum(metric: string): Promise<number> {
  const each = await Promise.all(own.harness.workers.map((worker) => worker.metric(metric)));
  return each.reduce((total, value) => total + value, 0);
}

const running = () => sum('profile_lane_running{lane="sts"}');

const callsFor = ({ number }: Phone) =>
  own.sts.requests().filter(({ sessionName }) => sessionName === number);

test('one client that asks and asks: others have the lane and the window, and it hears the credentials where it asked last', async () => {
  own.sts.mode('hang');
  const [greedy, other] = [await own.harness.phone(), await own.harness.phone()];
  for (let count = 0; count < 120; count++) {
    await greedy.send(aws(greedy), { qos: 1, properties: { correlationData: Buffer.from(`${count}`) } });
  }
  for (let count = 0; count < 120; count++) assert.deepEqual(await take(greedy), later);
  // The call, and the last request that waits; a worker that has an older one learns soon that it is replaced.
  await eventually('the others are acknowledged', async () => (await sum('profile_in_flight')) <= 2);
  assert.equal(await running(), 1, 'who waits holds no place in the lane');
  assert.equal(await own.harness.database.hlen(`aws:{${greedy.number}}:waiting`), 1);

  const last = { correlationData: Buffer.from('the last') };
  await greedy.send(aws(greedy), { qos: 1, properties: last });
  assert.deepEqual(await take(greedy), later);
  await eventually('the one before is acknowledged', async () => (await sum('profile_in_flight')) <= 2);

  assert.deepEqual(await other.ask(profile({ phone: other.number, status: 'get' })), refusal('not_found'));
  own.sts.mode('success');
  await other.send(aws(other), { qos: 1 });
  let given = await take(other);
  if (JSON.stringify(given) === JSON.stringify(later)) given = await take(other);
  credentialsIn(given);
  assert.equal(callsFor(greedy).length, 1);

  // The SDK tries once more after half of its deadline; STS answers then.
  await eventually('STS is asked again', () => callsFor(greedy).length === 2);
  const answers = [await greedy.take(), await greedy.take()];
  for (const { payload } of answers)
    assert.deepEqual(credentialsIn(decode(payload)), callsFor(greedy).at(-1)?.issued);
  const correlated = answers.map(({ properties }) => `${properties?.correlationData}`);
  assert.ok(correlated.includes('the last'), `where it asked last: ${correlated}`);
  await own.harness.idle();
  assert.deepEqual(greedy.answers, []);
});

test('Correlation Data of a kilobyte comes back; more is refused, and nothing of it is kept', async () => {
  own.sts.mode('hang');
  const phone = await own.harness.phone();
  const ask = async (bytes: number) => {
    const correlationData = Buffer.alloc(bytes, 'x');
    await phone.send(aws(phone), { qos: 1, properties: { correlationData } });
    const { payload, properties } = await phone.take();
    assert.ok(properties?.correlationData?.equals(correlationData));
    return decode(payload);
  };
  assert.deepEqual(await ask(1_025), refusal('invalid_data'));
  assert.deepEqual(await ask(65_000), refusal('invalid_data'));
  assert.equal(await own.harness.database.exists(`aws:{${phone.number}}:waiting`), 0);
  assert.deepEqual(await ask(1_024), later);
  own.sts.mode('success');
  credentialsIn(await take(phone));
  await own.harness.idle();
});

test('many clients of one phone: so many wait, the next hears busy, and one of them may ask again', async () => {
  own.sts.mode('hang');
  const first = await own.harness.phone();
  const clients = [first];
  while (clients.length < maxWaiting + 2) clients.push(await own.harness.phone({ number: first.number }));
  const last = clients.pop() as Phone;
  for (const client of clients) {
    await client.send(aws(client), { qos: 1 });
    assert.deepEqual(await take(client), later);
  }
  assert.deepEqual(await last.ask(aws(last)), refusal('busy'));
  await clients[1]?.send(aws(first), { qos: 1 });
  assert.deepEqual(await take(clients[1] as Phone), later);
  assert.equal(await running(), 1);
});

test('the worker where the last request waits is killed: its client hears the credentials, and all is acknowledged', async () => {
  await eventually('nothing is under way', async () => (await sum('profile_in_flight')) === 0);
  own.sts.mode('hang');
  const phone = await own.harness.phone();
  const other = await own.harness.phone({ number: phone.number });
  await phone.send(aws(phone), { qos: 1 });
  assert.deepEqual(await take(phone), later);
  const inFlight = () => Promise.all(own.harness.workers.map((worker) => worker.metric('profile_in_flight')));
  const asking = (await inFlight()).indexOf(1);
  while ((await inFlight()).some((count) => count === 0)) {
    await other.send(aws(other), { qos: 1 });
    assert.deepEqual(await take(other), later);
  }
  const waiting = own.harness.workers[1 - asking] ?? assert.fail();
  await waiting.process.kill('SIGKILL');
  own.sts.mode('success');
  for (const device of [phone, other]) {
    let given = await take(device);
    while (JSON.stringify(given) === JSON.stringify(later)) given = await take(device);
    assert.deepEqual(credentialsIn(given), callsFor(phone).at(-1)?.issued);
  }
  await waiting.process.restart();
  await eventually('all is acknowledged', async () => (await sum('profile_in_flight')) === 0);
  assert.deepEqual(await own.harness.database.keys(`aws:{${phone.number}}*`), [`aws:{${phone.number}}`]);
});

test('requests of one client at once: each but the last learns of the next one without waiting for its next look', async (t) => {
  const { stores, close } = await openStoresOf(own.harness);
  t.after(close);
  const phone = await own.harness.phone();
  const lockOf = (client: string) => stores.credentials.lock(phone.number, client, [client]);
  const asking = `aws:{${phone.number}}:asking`;
  await own.harness.database.set(asking, 'another worker');
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const locks = Array.from({ length: 40 }, () => lockOf('waits'));
  const waits: Promise<'yours' | 'answered'>[] = [];
  await Promise.all(
    locks.map(async (lock) => {
      assert.equal(await lock.join(), 'asked');
      waits.push(lock.wait());
    }),
  );
  assert.deepEqual(await Promise.all(waits.slice(0, -1)), Array(39).fill('answered'));
  t.mock.timers.reset();
  await own.harness.database.del(asking);
});
