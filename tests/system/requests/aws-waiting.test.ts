/** `aws` of several clients of a phone at once: one call to STS, and an answer for each, whatever fails meanwhile. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { atom, decode } from '../../../src/etf/index.ts';
import { eventually, type Phone, type WorkerUnderTest } from '../../harness/harness.ts';
import {
  assertTellsNothing,
  aws,
  credentialsIn,
  later,
  secretsOf,
  startStsHarness,
} from '../../harness/services-fixture.ts';
import { profile, refusal } from '../../harness/terms.ts';

const own = await startStsHarness({
  workers: 2,
  settings: { AWS_FAST_REPLY_MS: '50', AWS_DEADLINE_MS: '2000' },
});
after(() => own.stop());
afterEach(async () => {
  own.sts.mode('success');
  await assertTellsNothing(own.harness, secretsOf(own.sts));
});

const callsFor = ({ number }: Phone) =>
  own.sts.requests().filter(({ sessionName }) => sessionName === number);

/** Clients of one phone. */
async function devices(count: number): Promise<[Phone, ...Phone[]]> {
  const phone = await own.harness.phone();
  const others = Array.from({ length: count - 1 }, () => own.harness.phone({ number: phone.number }));
  return [phone, ...(await Promise.all(others))];
}

const take = async (phone: Phone) => decode((await phone.take()).payload);

/** The next answer that does not announce a later one; on a busy machine any may be announced. */
async function takeGiven(phone: Phone) {
  let answer = await take(phone);
  while (JSON.stringify(answer) === JSON.stringify(later)) answer = await take(phone);
  return answer;
}

async function askGiven(phone: Phone) {
  await phone.send(aws(phone));
  return takeGiven(phone);
}

/** The workers with a request in work. */
async function working(): Promise<WorkerUnderTest[]> {
  const counts = await Promise.all(own.harness.workers.map((worker) => worker.metric('profile_in_flight')));
  return own.harness.workers.filter((_, index) => counts[index]);
}

test('two clients through two workers: one call, and each is answered on its own topic with its own correlation data', async () => {
  own.sts.mode('slow', 600);
  const [phone, other] = (await devices(2)) as [Phone, Phone];
  const responseTopic = `actions/1/api/${other.client}/aws`;
  const [ofPhone, ofOther] = [Buffer.from('of the one'), Buffer.from([0, 255, 1])];
  await phone.send(aws(phone), { qos: 1, properties: { correlationData: ofPhone } });
  await other.send(aws(other), { qos: 1, properties: { correlationData: ofOther, responseTopic } });
  await eventually('both workers work', async () => (await working()).length === 2);
  const expected = [
    [phone, `actions/1/api/${phone.client}`, ofPhone],
    [other, responseTopic, ofOther],
  ] as const;
  for (const [device, topic, correlationData] of expected) {
    const [announced, given] = [await device.take(), await device.take()];
    assert.deepEqual(decode(announced.payload), later);
    assert.deepEqual(credentialsIn(decode(given.payload)), callsFor(phone)[0]?.issued);
    for (const answer of [announced, given]) {
      assert.equal(answer.topic, topic);
      assert.deepEqual(answer.properties?.correlationData, correlationData);
    }
  }
  await own.harness.idle();
  assert.equal(callsFor(phone).length, 1);
  assert.equal(own.sts.concurrentPeak(phone.number), 1);
  assert.deepEqual([phone.answers, other.answers], [[], []]);
});

test('ten clients at once: one call, ten answers, and no waiting request remains', async () => {
  own.sts.mode('slow', 300);
  const phones = await devices(10);
  await Promise.all(phones.map((phone) => phone.send(aws(phone), { qos: 1 })));
  for (const phone of phones) {
    assert.deepEqual(await take(phone), later);
    assert.deepEqual(credentialsIn(await take(phone)), callsFor(phone)[0]?.issued);
  }
  await own.harness.idle();
  assert.equal(callsFor(phones[0]).length, 1);
  const keys = await own.harness.database.keys(`aws:{${phones[0].number}}*`);
  assert.deepEqual(keys, [`aws:{${phones[0].number}}`]);
  for (const phone of phones) assert.deepEqual(phone.answers, []);
});

test('a waiting client is answered also when the phone is removed meanwhile, and gets no credentials', async () => {
  own.sts.mode('slow', 800);
  const phones = await devices(2);
  const [phone] = phones;
  await phone.ask(profile({ phone: phone.number, presence: atom('online'), status: 'set' }));
  for (const device of phones) await device.send(aws(device), { qos: 1 });
  for (const device of phones) assert.deepEqual(await take(device), later);
  await phone.send(profile({ phone: phone.number, status: 'remove' }), { qos: 1 });
  for (const device of phones) {
    const answers = [await take(device), await take(device)];
    const [given] = answers.filter((answer) => !JSON.stringify(answer).includes('"Profile"'));
    assert.deepEqual(given, refusal('not_authorized'));
  }
  await own.harness.idle();
  assert.deepEqual(await own.harness.database.keys(`aws:{${phone.number}}*`), []);
});

test('an STS that hangs slows no get and no other phone', async () => {
  own.sts.mode('hang');
  const [phone] = await devices(1);
  const [other] = await devices(1);
  await phone.send(aws(phone));
  assert.deepEqual(await take(phone), later);
  own.sts.mode('success');
  for (let count = 0; count < 20; count++) {
    const request = profile({ phone: other.number, status: 'get' });
    assert.deepEqual(await other.ask(request), refusal('not_found'));
  }
  credentialsIn(await askGiven(other));
  assert.deepEqual(phone.answers, [], 'the other is still waiting');
  // The SDK tries once more after half of its deadline.
  assert.deepEqual(credentialsIn(await take(phone)), callsFor(phone).at(-1)?.issued);
});

for (const mode of ['AccessDenied', '500', 'malformed', 'incomplete'] as const) {
  test(`STS fails (${mode}): all clients get the error aws, nothing is stored, and the next try works`, async () => {
    own.sts.mode(mode);
    const [phone, other] = (await devices(2)) as [Phone, Phone];
    await Promise.all([phone.send(aws(phone), { qos: 1 }), other.send(aws(other), { qos: 1 })]);
    for (const device of [phone, other]) {
      assert.deepEqual(await takeGiven(device), refusal('aws'));
    }
    await own.harness.idle();
    assert.equal(own.sts.concurrentPeak(phone.number), 1);
    assert.deepEqual(await own.harness.database.keys(`aws:{${phone.number}}*`), []);
    own.sts.mode('success');
    credentialsIn(await askGiven(phone));
  });
}

test('STS hangs until the deadline: the waiting client gets the error aws too', async () => {
  own.sts.mode('hang');
  const [phone, other] = (await devices(2)) as [Phone, Phone];
  await phone.send(aws(phone));
  assert.deepEqual(await take(phone), later);
  await other.send(aws(other));
  assert.deepEqual(await take(other), later);
  for (const device of [phone, other]) assert.deepEqual(await take(device), refusal('aws'));
  await own.harness.idle();
  assert.deepEqual(await own.harness.database.keys(`aws:{${phone.number}}*`), []);
});

test('throttled once: the credentials still arrive', async () => {
  own.sts.throttleNext(1);
  const [phone] = await devices(1);
  assert.deepEqual(credentialsIn(await askGiven(phone)), callsFor(phone).at(-1)?.issued);
});

test('the worker that calls STS is killed: the waiting client is answered, and its own client when it is back', async () => {
  own.sts.mode('hang');
  const [phone, other] = (await devices(2)) as [Phone, Phone];
  await phone.send(aws(phone), { qos: 1 });
  assert.deepEqual(await take(phone), later);
  const [holder] = await working();
  assert.ok(holder);
  while ((await working()).length < 2) {
    await other.send(aws(other), { qos: 1 });
    assert.deepEqual(await take(other), later);
  }
  await holder.process.kill('SIGKILL');
  own.sts.mode('success');
  // A worker that calls STS counts as running for this long; the test waits for its end.
  const left = await own.harness.database.pttl(`aws:{${phone.number}}:asking`);
  assert.ok(left > 3_000 && left <= 7_000, `${left} ms`);
  await own.harness.database.pexpire(`aws:{${phone.number}}:asking`, 1);
  const { issued } = await eventuallyLast(phone);
  assert.deepEqual(credentialsIn(await take(other)), issued);
  await holder.process.restart();
  assert.deepEqual(credentialsIn(await takeGiven(phone)), issued);
  // The other worker may have taken the session over before.
  assert.ok((await own.harness.metric('profile_redeliveries_total')) >= 1);
  await own.harness.idle();
  const keys = await own.harness.database.keys(`aws:{${phone.number}}*`);
  assert.deepEqual(keys, [`aws:{${phone.number}}`]);
});

/** The last call for a phone, once it is answered with credentials. */
async function eventuallyLast(phone: Phone) {
  await eventually('STS answers', () => callsFor(phone).at(-1)?.issued !== undefined);
  return callsFor(phone).at(-1) ?? assert.fail();
}

test('removed while STS is slow: no data of the phone is left in Redis', async () => {
  own.sts.mode('slow', 300);
  const [phone, other] = (await devices(2)) as [Phone, Phone];
  await other.ask(profile({ phone: other.number, presence: atom('online'), status: 'set' }));
  await phone.send(aws(phone));
  assert.deepEqual(await take(phone), later);
  await other.ask(profile({ phone: other.number, status: 'remove' }));
  await own.harness.idle();
  assert.equal(callsFor(phone).length, 1);
  assert.deepEqual(await own.harness.database.keys(`*aws:{${phone.number}}*`), []);
});

test('a fault in Redis for a waiting client: internal, and the worker keeps running', async () => {
  const [phone] = await devices(1);
  await own.harness.database.set(`aws:{${phone.number}}:asking`, 'another worker');
  await own.harness.database.set(`aws:{${phone.number}}:waiting`, 'not a hash');
  const processes = own.harness.workers.map((worker) => worker.process.pid);
  for (let count = 0; count < 4; count++) {
    assert.deepEqual(await phone.ask(aws(phone)), refusal('internal'));
  }
  assert.deepEqual(
    own.harness.workers.map((worker) => worker.process.pid),
    processes,
  );
});

test('a lock that expired in the queue belongs to another: there is still one call at a time', async (t) => {
  const settings = { AWS_CONCURRENCY: '2', AWS_QUEUE: '2', AWS_FAST_REPLY_MS: '50', AWS_DEADLINE_MS: '4000' };
  const narrow = await startStsHarness({ settings });
  t.after(() => narrow.stop());
  narrow.sts.mode('hang');
  const phones = await Promise.all(Array.from({ length: 3 }, () => narrow.harness.phone()));
  const [one, two, queued] = phones as [Phone, Phone, Phone];
  const next = await narrow.harness.phone({ number: queued.number });
  for (const phone of [one, two, queued]) {
    await phone.send(aws(phone));
    assert.deepEqual(await take(phone), later);
  }
  await narrow.harness.database.del(`aws:{${queued.number}}:asking`);
  await next.send(aws(next));
  assert.deepEqual(await take(next), later);
  narrow.sts.mode('slow', 200);
  const given = [credentialsIn(await take(queued)), credentialsIn(await take(next))];
  const calls = narrow.sts.requests().filter(({ sessionName }) => sessionName === queued.number);
  assert.deepEqual(given, [calls[0]?.issued, calls[0]?.issued]);
  assert.deepEqual([calls.length, narrow.sts.concurrentPeak(queued.number)], [1, 1]);
});

test('a full queue answers busy, and the next try works', async (t) => {
  const narrow = await startStsHarness({
    settings: { AWS_CONCURRENCY: '1', AWS_QUEUE: '1', AWS_FAST_REPLY_MS: '50', AWS_DEADLINE_MS: '1500' },
  });
  t.after(() => narrow.stop());
  narrow.sts.mode('hang');
  const phones = await Promise.all(Array.from({ length: 3 }, () => narrow.harness.phone()));
  const [asking, queued, refused] = phones as [Phone, Phone, Phone];
  for (const phone of [asking, queued]) {
    await phone.send(aws(phone));
    assert.deepEqual(await take(phone), later);
  }
  assert.deepEqual(await refused.ask(aws(refused)), refusal('busy'));
  narrow.sts.mode('success');
  for (const phone of [asking, queued]) credentialsIn(await take(phone));
  assert.deepEqual(credentialsIn(await askGiven(refused)), narrow.sts.requests().at(-1)?.issued);
  assert.equal(narrow.sts.concurrentPeak(), 1);
});
