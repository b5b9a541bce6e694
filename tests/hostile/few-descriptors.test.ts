/** A worker that has no file descriptors left: it names the cause, serves on, and has its services again once there are some. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, test } from 'node:test';
import { startServices } from '../../dev/servers/services.ts';
import { eventually, startHarness } from '../harness/harness.ts';
import { aws, credentialsIn, link, success } from '../harness/services-fixture.ts';
import { profile, refusal } from '../harness/terms.ts';

const [harness, services] = await Promise.all([startHarness({ redis: {}, workers: 0 }), startServices()]);
after(async () => {
  await services.stop();
  await harness.stop();
});

test('no descriptor is left: link and aws are refused with the cause in the log, get is answered; then all is served again', async () => {
  const worker = await harness.startWorker(services.settings);
  await eventually('services are loaded', () =>
    worker.log().some(({ msg }) => msg === 'services are loaded'),
  );
  const pid = worker.process.pid ?? assert.fail();
  const limit = (count: number) => execFileSync('prlimit', [`--pid=${pid}`, `--nofile=${count}:${4096}`]);
  limit(3);

  const phone = await harness.phone();
  assert.deepEqual(await phone.ask(profile({ phone: phone.number, status: 'get' })), refusal('not_found'));
  assert.deepEqual(await phone.ask(link(phone, `${phone.number}@example.org`)), refusal('email_send'));
  assert.deepEqual(await phone.ask(aws(phone)), refusal('aws'));
  for (const message of ['mail refused', 'STS gave no credentials']) {
    const line = worker.log().find(({ msg }) => msg === message) ?? assert.fail(message);
    assert.match(JSON.stringify(line), /this process has no file descriptors left .*EMFILE/);
  }

  limit(1024);
  assert.deepEqual(await phone.ask(link(phone, `${phone.number}@example.org`)), success('email_sent'));
  credentialsIn(await phone.ask(aws(phone)));
});

test('the connection to Redis is lost meanwhile: the log names the cause, and the worker comes back', async () => {
  const worker = harness.worker;
  const pid = worker.process.pid ?? assert.fail();
  const limit = (count: number) => execFileSync('prlimit', [`--pid=${pid}`, `--nofile=${count}:${4096}`]);
  limit(3);
  await harness.database.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
  await eventually('the log says why', () =>
    worker.log().some(({ msg, troubles }) => msg === 'not ready' && /EMFILE/.test(String(troubles))),
  );
  limit(1024);
  await eventually('it is ready', async () => (await worker.page('/readyz')).status === 200);
});
