/** `MQTT_URL` with two brokers, which have no connection to each other. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startMosquitto } from '../../../dev/servers/mosquitto.ts';
import { decode } from '../../../src/etf/index.ts';
import { eventually, startHarness, type WorkerUnderTest } from '../../harness/harness.ts';
import { Phone } from '../../harness/phone.ts';
import { contact, fieldsOf, profile, roster } from '../../harness/terms.ts';

/** The second broker; the first belongs to the test kit. */
const phones: Phone[] = [];
const second = await startMosquitto();
const harness = await startHarness({ workers: 0 });
after(async () => {
  await Promise.all(phones.map(({ mqtt }) => mqtt.endAsync(true)));
  await Promise.all(harness.workers.map((worker) => worker.process.stop()));
  await second.stop();
  await harness.stop();
});

const startWorker = (name: string): Promise<WorkerUnderTest> =>
  harness.startWorker({
    MQTT_URL: `${harness.broker.url},${second.url}`,
    MQTT_CLIENT_ID: name,
    HEARTBEAT_MS: '200',
    HEIR_AFTER_MS: '1000',
  });

/** A client of the second broker, which keeps its session while it is away. */
async function phoneAtSecond(client: string, number: string): Promise<Phone> {
  await harness.signIn(client, number);
  const kept = { clean: false, reconnectPeriod: 100, properties: { sessionExpiryInterval: 600 } };
  const phone = await new Phone(client, number).connect(second.url, kept);
  phones.push(phone);
  return phone;
}

/** Two phones that have each other as contacts: one at the first broker, one at the second. */
async function friends(name: string): Promise<{ ours: Phone; theirs: Phone }> {
  const ours = await harness.phone({ client: `${name}-ours` });
  const theirs = await phoneAtSecond(`${name}-theirs`, `7${ours.number}`);
  const held = (id: number, phoneId: string) => [roster({ id, userlist: [contact({ phoneId })] })];
  for (const [phone, rosters] of [
    [ours, held(1, `${theirs.number}_2`)],
    [theirs, held(2, `${ours.number}_1`)],
  ] as const) {
    fieldsOf(await phone.ask(profile({ phone: phone.number, rosters, status: 'set' })));
  }
  return { ours, theirs };
}

const update = ({ number: phone }: Phone, time: number) => profile({ phone, update: time, status: 'update' });

test('a request is answered only at its own broker; notices go to all brokers', async () => {
  await startWorker('first');
  const { ours, theirs } = await friends('all');
  const eavesdropper = await phoneAtSecond(ours.client, ours.number);
  const atBoth = [theirs, await harness.phone({ client: 'all-elsewhere', number: theirs.number })];
  const time = Date.now() + 1_000;
  assert.equal(fieldsOf(await ours.ask(update(ours, time))).update, time);
  await harness.idle();
  for (const phone of atBoth) {
    const [notice, ...more] = await phone.newNotices();
    assert.ok(notice && more.length === 0);
  }
  await eavesdropper.fence();
  assert.deepEqual(eavesdropper.answers, []);
});

test('one broker is down: the others are served, readiness names it, and it gets its notices later, also after their worker was killed', async () => {
  const { ours, theirs } = await friends('down');
  await harness.idle();
  await second.kill('SIGTERM');
  await eventually('not ready', async () => (await harness.worker.page('/readyz')).status === 503);
  assert.match((await harness.worker.page('/readyz')).body, /^broker 2: [^\n]+\n$/);
  assert.equal((await harness.worker.page('/livez')).status, 200);

  // What changes while notices are sent is told once.
  const times = Array.from({ length: 40 }, (_, index) => Date.now() + 10_000 + index);
  for (const time of times) assert.equal(fieldsOf(await ours.ask(update(ours, time))).update, time);
  await harness.idle();
  await harness.worker.process.kill('SIGKILL');

  await second.restart();
  await startWorker('next');
  let last: unknown;
  await eventually('the newest notice has come', () => {
    for (const { payload } of theirs.notices.splice(0)) {
      const notice = decode(payload) as { elements: unknown[] };
      last = notice.elements[11];
    }
    return last === times.at(-1);
  });
  await eventually('nothing is kept', async () => (await harness.database.keys('outbox:*')).length === 0);
});

test('a worker is killed: the messages that both brokers hold for it are answered', async () => {
  const [ours, theirs] = [await harness.phone(), await phoneAtSecond('killed-theirs', '79990001122')];
  const victim = await startWorker('victim');
  const count = 100;
  for (let sent = 0; sent < count; sent++) {
    if (sent === count / 2) void victim.process.kill('SIGKILL');
    for (const phone of [ours, theirs]) {
      const properties = { correlationData: Buffer.from(`${sent}`) };
      await phone.send(profile({ phone: phone.number, status: 'get' }), { qos: 1, properties });
    }
  }
  for (const phone of [ours, theirs]) {
    const answered = () =>
      new Set(phone.answers.map(({ properties }) => `${properties?.correlationData}`)).size;
    await eventually('all are answered', () => answered() === count);
  }
});
