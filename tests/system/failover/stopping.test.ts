/** How the program stops. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type Harness, startHarness } from '../../harness/harness.ts';
import { workerArguments } from '../../harness/program.ts';
import { profile } from '../../harness/terms.ts';

interface Running {
  readonly child: ChildProcess;
  /** Its whole output. */
  printed(): string;
  /** `<exit code> <signal>` */
  ended: Promise<string>;
}

/** Starts a worker whose exit code the test can read, without HTTP pages. */
async function run(
  t: TestContext,
  harness: Harness,
  settings: Record<string, string> = {},
  moment = /"msg":"ready"/,
): Promise<Running> {
  const env = {
    MQTT_URL: harness.broker.url,
    MQTT_CLIENT_ID: 'ending',
    REDIS_URL: harness.redis.url,
    HTTP_PORT: '0',
  };
  const child = spawn(process.execPath, [...workerArguments], {
    env: { ...env, LOG_LEVEL: 'debug', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  t.after(() => void child.kill('SIGKILL'));
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => `${code} ${signal}`);
  await eventually(`${moment}`, () => moment.test(printed));
  return { child, printed: () => printed, ended };
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  test(`${signal}: it logs its end and exits with 0, also after a second signal`, async (t) => {
    const harness = await startHarness({ redis: {}, workers: 0 });
    t.after(() => harness.stop());
    for (const signals of [[signal], [signal, signal]]) {
      const { child, printed, ended } = await run(t, harness);
      for (const each of signals) child.kill(each);
      assert.equal(await ended, '0 null');
      assert.match(printed(), /"msg":"stopped"/);
      assert.doesNotMatch(printed(), /Error|at .*:\d+:\d+/);
    }
  });
}

test('SIGTERM: requests in flight are finished and answered first; what the last worker has not begun waits for the next', async (t) => {
  const harness = await startHarness({ redis: {}, workers: 0 });
  t.after(() => harness.stop());
  const phone = await harness.phone();
  const { child, printed, ended } = await run(t, harness, { MQTT_RECEIVE_MAXIMUM: '5' });
  await harness.redis.kill('SIGSTOP');
  for (let n = 0; n < 20; n++) await phone.send(profile({ phone: phone.number, status: 'get' }), { qos: 1 });
  await phone.fence(); // The broker has sent the worker as much as it takes at a time.
  child.kill('SIGTERM');
  await eventually('it is stopping', () => printed().includes('"msg":"stopping"'));
  // It asks Redis for half a second whether another worker stays, and takes requests meanwhile.
  await sleep(1_000);
  assert.equal(child.exitCode, null);
  await harness.redis.kill('SIGCONT');
  assert.equal(await ended, '0 null');
  await phone.fence();
  const { length: finished } = phone.answers;
  assert.ok(finished >= 5 && finished < 20, `${finished} were finished`);
  const next = await run(t, harness, { MQTT_CLIENT_ID: 'next' });
  await eventually('all are answered', () => phone.answers.length === 20);
  next.child.kill('SIGTERM');
  await next.ended;
  await phone.fence();
  assert.equal(phone.answers.length, 20);
});

test('SIGTERM: requests that cannot be finished in time stay at the broker, and the next worker of that name answers them', async (t) => {
  const harness = await startHarness({ redis: {}, workers: 0 });
  t.after(() => harness.stop());
  const phone = await harness.phone();
  const first = await run(t, harness, { SHUTDOWN_TIMEOUT_MS: '300' });
  await harness.redis.kill('SIGSTOP');
  await phone.send(profile({ phone: phone.number, status: 'get' }));
  await phone.fence();
  first.child.kill('SIGTERM');
  assert.equal(await first.ended, '0 null');
  assert.match(first.printed(), /stopped before all requests were done/);
  await harness.redis.kill('SIGCONT');
  const second = await run(t, harness);
  await phone.take();
  second.child.kill('SIGTERM');
  assert.equal(await second.ended, '0 null');
});

test('SIGTERM while Redis is gone and nothing is in flight: it leaves the broker and does not wait', async (t) => {
  const harness = await startHarness({ redis: {}, workers: 0 });
  t.after(() => harness.stop());
  const { child, printed, ended } = await run(t, harness, { SHUTDOWN_TIMEOUT_MS: '60000' });
  await harness.redis.kill('SIGKILL');
  await eventually('it has noticed', () => printed().includes('not ready'));
  child.kill('SIGTERM');
  assert.equal(await ended, '0 null');
  assert.match(printed(), /"msg":"stopped"/);
});

test('SIGTERM while the broker is gone: it does not wait, says what is left, and the next worker answers that', async (t) => {
  const harness = await startHarness({ redis: {}, workers: 0, broker: { persistence: true } });
  t.after(() => harness.stop());
  const kept = { clean: false, reconnectPeriod: 50, properties: { sessionExpiryInterval: 600 } };
  const phone = await harness.phone({ mqtt: kept });
  const first = await run(t, harness, { SHUTDOWN_TIMEOUT_MS: '600000' });
  await harness.redis.kill('SIGSTOP');
  await phone.send(profile({ phone: phone.number, status: 'get' }), { qos: 1 });
  await phone.fence(); // The worker has received it.
  await harness.broker.kill('SIGTERM');
  await eventually('it has noticed', () => first.printed().includes('not ready'));
  first.child.kill('SIGTERM');
  // The request is still in work, and its answer could go nowhere.
  assert.equal(await first.ended, '0 null');
  assert.match(first.printed(), /"unacknowledged":1,"msg":"stopped: the broker redelivers/);
  await harness.redis.kill('SIGCONT');
  await harness.broker.restart();
  const next = await run(t, harness, { MQTT_CLIENT_ID: 'next' });
  await phone.take();
  next.child.kill('SIGTERM');
  assert.equal(await next.ended, '0 null');
});

test('SIGTERM while the broker is gone and nothing is in flight: it ends, and another worker looks after its session', async (t) => {
  const harness = await startHarness({ redis: {}, workers: 0 });
  t.after(() => harness.stop());
  const { child, printed, ended } = await run(t, harness, { SHUTDOWN_TIMEOUT_MS: '600000' });
  await harness.broker.kill('SIGKILL');
  await eventually('it has noticed', () => printed().includes('not ready'));
  child.kill('SIGTERM');
  assert.equal(await ended, '0 null');
  assert.match(printed(), /"msg":"stopped"/);
  assert.equal(await harness.database.zscore('workers', 'ending'), '0');
});

test('SIGTERM before a broker was ever there, while it connects, and as soon as the program runs: it ends', async (t) => {
  const silent = createServer((socket) => socket.on('error', () => undefined).resume()).listen(
    0,
    '127.0.0.1',
  );
  await once(silent, 'listening');
  t.after(() => silent.close());
  const harness = await startHarness({ redis: {}, workers: 0 });
  t.after(() => harness.stop());
  const { port } = silent.address() as AddressInfo;
  const nobody = 'mqtt://127.0.0.1:1';
  for (const [MQTT_URL, moment] of [
    [nobody, /connection refused/],
    [`mqtt://127.0.0.1:${port}`, /SMTP_URL is not set/],
    [harness.broker.url, /SMTP_URL is not set/],
  ] as const) {
    const { child, printed, ended } = await run(
      t,
      harness,
      { MQTT_URL, SHUTDOWN_TIMEOUT_MS: '600000' },
      moment,
    );
    child.kill('SIGTERM');
    assert.equal(await ended, '0 null');
    assert.match(printed(), /"msg":"stopped"/);
  }
});

test('a full standard output that nobody reads holds up neither the work nor the end', async (t) => {
  const harness = await startHarness({ redis: {}, workers: 0 });
  t.after(() => harness.stop());
  const phone = await harness.phone();
  const { child } = await run(t, harness, { SHUTDOWN_TIMEOUT_MS: '600000', LOG_LEVEL: 'debug' });
  const exited = once(child, 'exit');
  child.stdout?.removeAllListeners('data').pause();
  // Each makes a line; a pipe holds 64 KiB, and Node reads as much ahead.
  const long = 'x'.repeat(100);
  for (let count = 0; count < 1_500; count++) await phone.send(Buffer.from(long), { qos: 1 });
  await eventually('all are answered', () => phone.answers.length === 1_500);
  child.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
});

test('requests that arrive while one of two workers stops are all answered, once', async (t) => {
  const harness = await startHarness({ redis: {} });
  t.after(() => harness.stop());
  const phone = await harness.phone();
  await phone.exchange(profile({ phone: phone.number, status: 'set' }));
  const expected = await phone.exchange(profile({ phone: phone.number, status: 'get' }));
  const { child, ended } = await run(t, harness);
  const count = 500;
  for (let n = 0; n < count; n++) {
    if (n === count / 2) child.kill('SIGTERM');
    await phone.send(profile({ phone: phone.number, status: 'get' }), { qos: 1 });
  }
  assert.equal(await ended, '0 null');
  await harness.idle();
  await phone.fence();
  assert.equal(phone.answers.length, count);
  for (const { payload } of phone.answers) assert.deepEqual(payload, expected.payload);
});
