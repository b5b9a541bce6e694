/** What operators see: the pages, the log, and the way the program goes. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { atom } from '../../../src/etf/index.ts';
import { eventually, type Phone, type Stage, startStage } from '../../harness/harness.ts';
import { contact, feature, fieldsOf, profile, roster } from '../../harness/terms.ts';

const set = ({ number: phone }: Phone) => profile({ phone, presence: atom('online'), status: 'set' });
const get = ({ number: phone }: Phone) => profile({ phone, status: 'get' });

describe('the pages', () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage();
  });
  after(() => stage.stop());

  test('/livez and /readyz say 200, any other page 404', async () => {
    assert.deepEqual(await stage.worker.page('/livez'), { status: 200, body: 'ok\n' });
    assert.deepEqual(await stage.worker.page('/readyz'), { status: 200, body: 'ready\n' });
    assert.equal((await stage.worker.page('/readyz?verbose')).status, 200);
    assert.equal((await stage.worker.page('/')).status, 404);
    assert.equal((await stage.worker.page('/constructor')).status, 404);
  });

  test('/metrics counts requests by kind and result, their time, notices, and what is in flight', async () => {
    const [phone, friend] = [await stage.phone(), await stage.phone()];
    await phone.ask(get(phone));
    const held = (id: number, phoneId: string) => [roster({ id, userlist: [contact({ phoneId })] })];
    const rosters = held(1, `${friend.number}_2`);
    await phone.ask(profile({ phone: phone.number, rosters, status: 'set' }));
    await friend.ask(profile({ phone: friend.number, rosters: held(2, `${phone.number}_1`), status: 'set' }));
    await phone.ask(profile({ phone: phone.number, update: Date.now(), status: 'update' }));
    await phone.ask(Buffer.from('junk'));
    await stage.idle();
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
    for (const [name, count] of Object.entries(counted)) assert.equal(await stage.metric(name), count, name);
    assert.ok((await stage.metric('process_resident_memory_bytes')) > 0);
  });

  test('no metric names a phone or a client', async () => {
    const phone = await stage.phone();
    await phone.ask(set(phone));
    const { body } = await stage.worker.page('/metrics');
    assert.ok(!body.includes(phone.number) && !body.includes(phone.client));
  });
});

describe('the log', () => {
  /** Do something good and something bad; gives all that the worker printed, and what was sent. */
  async function converse(t: { after(end: () => Promise<void>): void }, level: string) {
    const stage = await startStage({ settings: { LOG_LEVEL: level } });
    t.after(() => stage.stop());
    const phone = await stage.phone({ client: 'a-secret-client', number: '380501112233' });
    const settings = [feature('a secret key', 'a secret value')];
    fieldsOf(await phone.ask(profile({ phone: phone.number, settings, status: 'set' })));
    fieldsOf(await phone.ask(get(phone)));
    await phone.ask(Buffer.from('secret junk'));
    await stage.idle();
    return { printed: stage.worker.process.log(), lines: stage.worker.log() };
  }

  test('it is lines of JSON with time and level, the first that all is ready among them', async (t) => {
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
  test('Redis: not ready with the cause, then ready again by itself, and what came meanwhile is answered', async (t) => {
    const stage = await startStage();
    t.after(() => stage.stop());
    const phone = await stage.phone();
    fieldsOf(await phone.ask(set(phone)));
    await stage.redis.kill('SIGTERM');
    await eventually('not ready', async () => (await stage.worker.page('/readyz')).status === 503);
    assert.match((await stage.worker.page('/readyz')).body, /^redis: .+\n$/);
    assert.equal((await stage.worker.page('/livez')).status, 200);
    await phone.send(get(phone));
    await eventually('the request is there', async () => (await stage.metric('profile_in_flight')) === 1);
    await stage.redis.restart();
    await eventually('ready again', async () => (await stage.worker.page('/readyz')).status === 200);
    await phone.take();
    await stage.idle();
    const words = stage.worker
      .log()
      .map(({ msg }) => String(msg))
      .filter((msg) => /^(not )?ready$/.test(msg));
    // Not ready is told once more when another cause is seen.
    assert.deepEqual(
      words.filter((word, place) => word !== words[place - 1]),
      ['ready', 'not ready', 'ready'],
    );
  });

  test('the broker: not ready with the cause, then ready again by itself, and requests are answered', async (t) => {
    const stage = await startStage();
    t.after(() => stage.stop());
    await stage.broker.kill('SIGTERM');
    await eventually('not ready', async () => (await stage.worker.page('/readyz')).status === 503);
    assert.match((await stage.worker.page('/readyz')).body, /^broker 1: .+\n$/);
    await stage.broker.restart();
    await eventually('ready again', async () => (await stage.worker.page('/readyz')).status === 200);
    const phone = await stage.phone();
    fieldsOf(await phone.ask(set(phone)));
    assert.equal(stage.worker.log().filter(({ msg }) => msg === 'ready').length, 2);
  });

  test('Redis has forgotten the scripts that were loaded: no client notices', async (t) => {
    const stage = await startStage();
    t.after(() => stage.stop());
    const phone = await stage.phone();
    for (let count = 0; count < 2; count++) {
      fieldsOf(await phone.ask(set(phone)));
      fieldsOf(await phone.ask(get(phone)));
      await stage.database.script('FLUSH');
    }
  });

  test('both, when the worker starts: it waits for them', async (t) => {
    const stage = await startStage({ workers: 0 });
    t.after(() => stage.stop());
    await Promise.all([stage.broker.kill('SIGTERM'), stage.redis.kill('SIGTERM')]);
    const starting = stage.startWorker();
    await stage.broker.restart();
    await stage.redis.restart();
    await starting;
    const phone = await stage.phone();
    fieldsOf(await phone.ask(set(phone)));
  });
});

test('requests that a killed worker did not acknowledge come to it again, and are answered', async (t) => {
  const stage = await startStage();
  t.after(() => stage.stop());
  const phone = await stage.phone();
  fieldsOf(await phone.ask(set(phone)));
  await stage.idle();
  await stage.redis.kill('SIGSTOP'); // so that requests stay where they are
  const count = 20;
  for (let n = 0; n < count; n++) {
    const settings = [feature(`key ${n}`, 'value')];
    await phone.send(profile({ phone: phone.number, settings, status: 'set' }), { qos: 1 });
  }
  await eventually('all are in flight', async () => (await stage.metric('profile_in_flight')) === count);
  await stage.worker.process.kill('SIGKILL');
  await stage.redis.kill('SIGCONT');
  await stage.worker.process.restart();
  for (let n = 0; n < count; n++) await phone.take();
  await stage.idle();
  assert.equal(await stage.metric('profile_redeliveries_total'), count);
  const { settings } = fieldsOf(await phone.ask(get(phone)));
  assert.equal((settings as unknown[]).length, count);
});
