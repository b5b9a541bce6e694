/**
 * The one effect that can happen twice: a worker is killed after the mail server has accepted a mail, and before
 * Redis has the record.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../../src/etf/index.ts';
import { eventually } from '../../harness/harness.ts';
import { startRelay } from '../../harness/relay.ts';
import { codeIn, confirm, link, startMailHarness, success } from '../../harness/services-fixture.ts';
import { refusal } from '../../harness/terms.ts';

test('killed between the mail and its record: another code is mailed, which counts, and the first is invalid', async (t) => {
  const { harness, sink, stop } = await startMailHarness({ workers: 0 });
  const [toMail, toRedis] = [
    await startRelay(sink.port, 'other'),
    await startRelay(harness.redis.port, 'other'),
  ];
  t.after(async () => {
    await toMail.stop();
    await stop();
  });
  const first = await harness.startWorker({
    MQTT_CLIENT_ID: 'dying',
    SMTP_URL: `smtp://127.0.0.1:${toMail.port}`,
    REDIS_URL: `redis://127.0.0.1:${toRedis.port}`,
  });
  const phone = await harness.phone();
  toMail.hold(true);
  await phone.send(link(phone, 'twice@example.org'));
  await eventually('the mail is under way', () => sink.connectionCount() === 1);
  toRedis.hold(true);
  toMail.hold(false);
  await eventually('it is sent', () => sink.mails().length === 1);
  await first.process.kill('SIGKILL');
  await toRedis.stop(); // Includes the bytes in flight.

  await harness.startWorker({ MQTT_CLIENT_ID: 'dying' });
  assert.deepEqual(decode((await phone.take()).payload), success('email_sent'));
  const [lost, counting, ...more] = sink.mails();
  assert.ok(lost && counting && more.length === 0);
  if (codeIn(lost) !== codeIn(counting)) {
    assert.deepEqual(
      await phone.ask(confirm(phone, 'twice@example.org', codeIn(lost))),
      refusal('wrong_code'),
    );
  }
  assert.deepEqual(
    await phone.ask(confirm(phone, 'twice@example.org', codeIn(counting))),
    success('verified'),
  );
});
