/** What operators see: the HTTP pages, the log, and the behaviour of the program. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { atom } from '../../../src/etf/index.ts';
import { eventually, type Harness, type Phone, startHarness } from '../../harness/harness.ts';
import { contact, feature, fieldsOf, profile, roster } from '../../harness/terms.ts';

const set = ({ number: phone }: Phone) => profile({ phone, presence: atom('online'), status: 'set' });
const get = ({ number: phone }: Phone) => profile({ phone, status: 'get' });

describe('the pages', () => {
  let harness: Harness;
  before(async () => {
    harness = await startHarness({ redis: {} });
  });
  after(() => harness.stop());

  test('/livez and /readyz return 200, any other page 404', async () => {
    assert.deepEqual(await harness.worker.page('/livez'), { status: 200, body: 'ok\n' });
    assert.deepEqual(await harness.worker.page('/readyz'), { status: 200, body: 'ready\n' });
    assert.equal((await harness.worker.page('/readyz?verbose')).status, 200);
    assert.equal((await harness.worker.page('/')).status, 404);
    assert.equal((await harness.worker.page('/constructor')).status, 404);
  });

  test('/metrics counts requests by kind and result, their time, notices, and what is in flight', async () => {
    const [phone, friend] = [await harness.phone(), await harness.phone()];
    await phone.ask(get(phone));
    const held = (id: number, phoneId: string) => [roster({ id, userlist: [contact({ phoneId })] })];
    const rosters = held(1, `${friend.number}_2`);
    await phone.ask(profile({ phone: phone.number, rosters, status: 'set' }));
    await friend.ask(profile({ phone: friend.number, rosters: held(2, `${phone.number}_1`), status: 'set' }));
    await phone.ask(profile({ phone: phone.number, update: Date.now(), status: 'update' }));
    await phone.ask(Buffer.from('junk'));
    await harness.idle();
    const counted = {
      'profile_requests_total{kind="get",result="not_found",lane="fast"}': 1,
      'profile_requests_total{kind="set",result="ok",lane="fast"}': 2,
      'profile_requests_total{kind="update",result="ok",lane="fan-out"}': 1,
      'profile_requests_total{kind="invalid",result="invalid_data",lane="fast"}': 1,
      'profile_request_duration_seconds_count{kind="set"}': 2,
      profile_notices_total: 1,
      profile_redeliveries_total: 0,
      profile_in_flight: 0,
    };
    for (const [name, count] of Object.entries(counted))
      assert.equal(await harness.metric(name), count, name);
    assert.ok((await harness.metric('process_resident_memory_bytes')) > 0);
  });

  test('no metric names a phone or a client', async () => {
    const phone = await harness.phone();
    await phone.ask(set(phone));
    const { body } = await harness.worker.page('/metrics');
    assert.ok(!body.includes(phone.number) && !body.includes(phone.client));
  });
});

describe('the log', () => {
  /** Sends a good and a bad request; returns the worker's output, and the sent data. */
  async function converse(t: { after(end: () => Promise<void>): void }, level: string) {
    const harness = await startHarness({ redis: {}, settings: { LOG_LEVEL: level } });
    t.after(() => harness.stop());
    const phone = await harness.phone({ client: 'a-secret-client', number: '380501112233' });
    const settings = [feature('a secret key', 'a secret value')];
    fieldsOf(await phone.ask(profile({ phone: phone.number, settings, status: 'set' })));
    fieldsOf(await phone.ask(get(phone)));
    await phone.ask(Buffer.from('secret junk'));
    await harness.idle();
    return { printed: harness.worker.process.log(), lines: harness.worker.log() };
  }

  test('it is lines of JSON with time and level, with the ready message among the first', async (t) => {
    const { printed, lines } = await converse(t, 'debug');
    assert.equal(printed.trimEnd().split('\n').length, lines.length);
    for (const line of lines) {
      assert.match(`${line.time}`, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      assert.match(`${line.level}`, /^(debug|info|warn|error)$/);
      assert.equal(typeof line.msg, 'string');
    }
    assert.equal(lines.filter(({ msg }) => msg === 'ready').length, 1);
  });

  test('at debug each request has a line: kind, result, time, and the phone shortened', async (t) => {
    const { printed, lines } = await converse(t, 'debug');
    const requests = lines.filter(({ msg }) => msg === 'request');
    assert.deepEqual(
      requests.map(({ level, kind, result, phone }) => ({ level, kind, result, phone })),
      [
        { level: 'debug', kind: 'set', result: 'ok', phone: '380…233' },
        { level: 'debug', kind: 'get', result: 'ok', phone: '380…233' },
        { level: 'debug', kind: 'invalid', result: 'invalid_data', phone: undefined },
      ],
    );
    assert.ok(requests.every(({ milliseconds }) => Number(milliseconds) > 0));
    assert.ok(!printed.includes('380501112233') && !printed.includes('secret'));
  });

  test('at info a request has none', async (t) => {
    const { lines } = await converse(t, 'info');
    assert.deepEqual(
      lines.filter(({ msg }) => msg === 'request'),
      [],
    );
    assert.ok(lines.some(({ msg }) => msg === 'ready'));
  });
});

describe('Redis or the broker is away', () => {
  test('Redis: not ready with the cause, then ready again by itself, and waiting requests are answered', async (t) => {
    const harness = await startHarness({ redis: {} });
    t.after(() => harness.stop());
    const phone = await harness.phone();
    fieldsOf(await phone.ask(set(phone)));
    await harness.redis.kill('SIGTERM');
    await eventually('not ready', async () => (await harness.worker.page('/readyz')).status === 503);
    assert.match((await harness.worker.page('/readyz')).body, /^redis: .+\n$/);
    assert.equal((await harness.worker.page('/livez')).status, 200);
    await phone.send(get(phone));
    await eventually('the request is there', async () => (await harness.metric('profile_in_flight')) === 1);
    await harness.redis.restart();
    await eventually('ready again', async () => (await harness.worker.page('/readyz')).status === 200);
    await phone.take();
    await harness.idle();
    const words = harness.worker
      .log()
      .map(({ msg }) => String(msg))
      .filter((msg) => /^(not )?ready$/.test(msg));
    // Not ready is reported once more when the cause changes.
    assert.deepEqual(
      words.filter((word, index) => word !== words[index - 1]),
      ['ready', 'not ready', 'ready'],
    );
  });

  test('the broker: not ready with the cause, then ready again by itself, and requests are answered', async (t) => {
    const harness = await startHarness({ redis: {} });
    t.after(() => harness.stop());
    await harness.broker.kill('SIGTERM');
    await eventually('not ready', async () => (await harness.worker.page('/readyz')).status === 503);
    assert.match((await harness.worker.page('/readyz')).body, /^broker 1: .+\n$/);
    await harness.broker.restart();
    await eventually('ready again', async () => (await harness.worker.page('/readyz')).status === 200);
    const phone = await harness.phone();
    fieldsOf(await phone.ask(set(phone)));
    const said = () => harness.worker.log().filter(({ msg }) => msg === 'ready').length;
    await eventually('the log says so', () => said() >= 2);
    assert.equal(said(), 2);
  });

  test('Redis has lost the loaded scripts: no client notices', async (t) => {
    const harness = await startHarness({ redis: {} });
    t.after(() => harness.stop());
    const phone = await harness.phone();
    for (let count = 0; count < 2; count++) {
      fieldsOf(await phone.ask(set(phone)));
      fieldsOf(await phone.ask(get(phone)));
      await harness.database.script('FLUSH');
    }
  });

  test('both, when the worker starts: it waits for them', async (t) => {
    const harness = await startHarness({ redis: {}, workers: 0 });
    t.after(() => harness.stop());
    await Promise.all([harness.broker.kill('SIGTERM'), harness.redis.kill('SIGTERM')]);
    const starting = harness.startWorker();
    await harness.broker.restart();
    await harness.redis.restart();
    await starting;
    const phone = await harness.phone();
    fieldsOf(await phone.ask(set(phone)));
  });
});

test('unacknowledged requests of a killed worker are redelivered to it, and are answered', async (t) => {
  const harness = await startHarness({ redis: {} });
  t.after(() => harness.stop());
  const phone = await harness.phone();
  fieldsOf(await phone.ask(set(phone)));
  await harness.idle();
  await harness.redis.kill('SIGSTOP'); // So that requests stay where they are.
  const count = 20;
  for (let n = 0; n < count; n++) {
    const settings = [feature(`key ${n}`, 'value')];
    await phone.send(profile({ phone: phone.number, settings, status: 'set' }), { qos: 1 });
  }
  await eventually('all are in flight', async () => (await harness.metric('profile_in_flight')) === count);
  await harness.worker.process.kill('SIGKILL');
  await harness.redis.kill('SIGCONT');
  await harness.worker.process.restart();
  for (let n = 0; n < count; n++) await phone.take();
  await harness.idle();
  assert.equal(await harness.metric('profile_redeliveries_total'), count);
  const { settings } = fieldsOf(await phone.ask(get(phone)));
  assert.equal((settings as unknown[]).length, count);
});
