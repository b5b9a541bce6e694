/** A request costs its client by its work: what one client may cause within the default limits, and what others notice of it. */
import assert from 'node:assert/strict';
import { after, beforeEach, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { atom, decode, encode, print, type Term } from '../../src/etf/index.ts';
import { keep } from '../harness/address-books.ts';
import { eventually, type Phone, startHarness } from '../harness/harness.ts';
import { profile, refusal, service } from '../harness/terms.ts';

const [RATE, BURST] = [50, 500];
const limits = { CLIENT_RATE: `${RATE}`, CLIENT_BURST: `${BURST}`, LOG_LEVEL: 'info' };

const harness = await startHarness({ workers: 2, settings: limits });
after(() => harness.stop());

const tooMany = print(refusal('too_many_requests'));
const printed = ({ answers }: Phone): string[] => answers.map(({ payload }) => print(decode(payload)));
const letIn = (phone: Phone): number => printed(phone).filter((answer) => answer !== tooMany).length;

const strangers = (count: number) => ({
  1: Array.from({ length: count }, (_, place) => `${380_670_000_000 + place}_1`),
});

const get = ({ number: phone }: Phone): Term => profile({ phone, status: 'get' });
const update = ({ number: phone }: Phone): Term => profile({ phone, update: Date.now(), status: 'update' });

/** 131, 80, the size, and the term deflated. */
function zipped(term: Term): Buffer {
  const bytes = encode(term).subarray(1);
  const head = Buffer.from([131, 80, 0, 0, 0, 0]);
  head.writeUInt32BE(bytes.length, 2);
  return Buffer.concat([head, deflateSync(bytes, { level: 9 })]);
}

/** Send a request so many times, others asking meanwhile. @returns how many seconds it took until all are answered. */
async function flood(phone: Phone, payload: Buffer, count: number): Promise<number> {
  const others = [await harness.phone(), await harness.phone()];
  for (const other of others) await keep(other, strangers(3));
  const begun = performance.now();
  phone.answers.length = 0;
  for (let sent = 0; sent < count; sent += 50) {
    await Promise.all(Array.from({ length: 50 }, () => phone.send(payload, { qos: 1 })));
    for (const other of others) assert.match(print(await other.ask(get(other))), /get\}$/);
  }
  await eventually('all are answered', () => phone.answers.length >= count);
  return (performance.now() - begun) / 1_000;
}

describe('one client', () => {
  let phone: Phone;
  beforeEach(async () => {
    phone = await harness.phone();
  });

  test('that sends zipped sets with 7,000 services is refused before they are inflated', async () => {
    const services = Array.from({ length: 7_000 }, () => service({ type: atom('vox') }));
    const payload = zipped(profile({ phone: phone.number, services, status: 'set' }));
    assert.ok(payload.length < 1_000);
    const reading = 'profile_charged_units_total{work="reading"}';
    const before = await harness.metric(reading);
    const seconds = await flood(phone, payload, 400);
    const charged = (await harness.metric(reading)) - before;
    // Two workers fill a bucket each before they hear of each other.
    const allowed = 2 * BURST + RATE * seconds;
    assert.ok(charged <= allowed, `${charged} units of ${allowed}`);
    assert.ok(letIn(phone) >= 1 && letIn(phone) <= allowed / 100, `${letIn(phone)} were read`);
    const unread = 'profile_requests_total{kind="invalid",result="too_many_requests",lane="fast"}';
    assert.equal(await harness.metric(unread), 400 - letIn(phone));
  });

  test('that asks for a profile with 3,000 contacts gets the bytes that its bucket holds', async () => {
    await keep(phone, strangers(3_000));
    // Both workers know what it costs then.
    for (let asked = 0; asked < 6; asked++) await phone.ask(get(phone));
    const seconds = await flood(phone, encode(get(phone)), 400);
    const bytes = phone.answers.reduce((sum, { payload }) => sum + payload.length, 0);
    const allowed = (2 * BURST + RATE * seconds) * 8_192;
    assert.ok(bytes <= allowed, `${bytes} of ${allowed}`);
    phone.answers.length = 0;
    const isAnswered = async () => print(await phone.ask(get(phone))) !== tooMany;
    await eventually('it is answered when its debt is paid', isAnswered);
  });

  test('that has 1,000 contacts and asks and tells them now and then is never refused', async () => {
    await keep(phone, strangers(1_000));
    phone.answers.length = 0;
    for (const request of [get, update, get, get])
      assert.notEqual(print(await phone.ask(request(phone))), tooMany);
  });

  test('with terms of other services pays for large ones, and not for small ones', async () => {
    const small = encode(atom('ping'));
    for (let sent = 0; sent < 2 * BURST; sent += 100)
      await Promise.all(Array.from({ length: 100 }, () => phone.send(small, { qos: 1 })));
    assert.notEqual(print(await phone.ask(get(phone))), tooMany);
    const large = zipped(Array.from({ length: 60_000 }, () => []));
    for (let sent = 0; sent < 100; sent++) await phone.send(large, { qos: 1 });
    await eventually('it is refused', () => printed(phone).includes(tooMany));
  });
});

test('after a pause of all workers a steady client is not refused, and a flood gets its rate for that time', async () => {
  const burst = 60;
  const paused = await startHarness({ workers: 2, settings: { ...limits, CLIENT_BURST: `${burst}` } });
  try {
    const [steady, greedy] = [await paused.phone(), await paused.phone()];
    const begun = performance.now();
    const signal = (name: NodeJS.Signals): void => {
      for (const { process: worker } of paused.workers) void worker.kill(name);
    };
    const askSteadily = async (phone: Phone, perSecond: number, seconds: number): Promise<number> => {
      let due = performance.now();
      for (let asked = 0; asked < perSecond * seconds; asked++) {
        due = Math.max(due + 1_000 / perSecond, performance.now() - 100);
        await delay(Math.max(0, due - performance.now()));
        await phone.send(get(phone), { qos: 1 });
      }
      return perSecond * seconds;
    };
    const stall = async (): Promise<number> => {
      await delay(1_000);
      signal('SIGSTOP');
      const stopped = performance.now();
      await delay(5_000);
      signal('SIGCONT');
      return (performance.now() - stopped) / 1_000;
    };
    const [asked, flooded, pause] = await Promise.all([
      askSteadily(steady, 40, 8),
      askSteadily(greedy, 150, 8),
      stall(),
    ]);
    await eventually(
      'all are answered',
      () => steady.answers.length >= asked && greedy.answers.length >= flooded,
    );
    assert.equal(steady.answers.length - letIn(steady), 0, 'of 40 a second');
    const seconds = (performance.now() - begun) / 1_000;
    const allowed = burst + RATE * (seconds + pause);
    // A machine too slow to send more than that shows nothing here.
    assert.ok(letIn(greedy) <= allowed * 1.1, `${letIn(greedy)} of ${allowed}`);
  } finally {
    await paused.stop();
  }
});

test('where a token authenticates, a large payload is read and charged only with the right one', async () => {
  const byToken = await startHarness({ settings: { ...limits, CLIENT_IDENTITY: 'token' } });
  try {
    const phone = await byToken.phone({ token: 'right' });
    const services = Array.from({ length: 1_000 }, () => service({ type: atom('vox') }));
    const payload = zipped(profile({ phone: phone.number, services, status: 'set' }));
    const ask = async (token: string): Promise<string> => {
      const topic = `events/1//api/anon/${phone.client}/${token}`;
      return print(await phone.ask(payload, { topic }));
    };
    const reading = () => byToken.metric('profile_charged_units_total{work="reading"}');
    assert.equal(await ask('wrong'), print(refusal('not_authorized')));
    assert.equal(await reading(), 0);
    assert.match(await ask('right'), /set\}$/);
    assert.ok((await reading()) > 10);
  } finally {
    await byToken.stop();
  }
});
