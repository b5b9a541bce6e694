/**
 * The one effect that can happen twice: a worker is killed after the mail server has accepted a mail, and before
 * Redis has the record.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../../src/etf/index.ts';
import { eventually } from '../../harness/harness.ts';
import { codeIn, confirm, link, startMailHarness, success } from '../../harness/services-fixture.ts';

test('killed between the mail and its record: a second mail goes out, with the same code', async (t) => {
  const { harness, sink, stop } = await startMailHarness({ redis: {}, workers: 0 });
  t.after(stop);
  const [toMail, toRedis] = [await harness.relay({}, sink), await harness.relay({}, harness.redis)];
  const first = await harness.startWorker({
    MQTT_CLIENT_ID: 'dying',
    SMTP_URL: toMail.url,
    REDIS_URL: toRedis.url,
  });
  const phone = await harness.phone();
  toMail.hold();
  await phone.send(link(phone, 'twice@example.org'));
  await eventually('the mail is under way', () => sink.connectionCount() === 1);
  toRedis.hold();
  toMail.release();
  await eventually('it is sent', () => sink.mails().length === 1);
  await first.process.kill('SIGKILL');
  toRedis.cut(); // Includes the bytes in flight.

  await harness.startWorker({ MQTT_CLIENT_ID: 'dying' });
  assert.deepEqual(decode((await phone.take()).payload), success('email_sent'));
  const [lost, again, ...more] = sink.mails();
  assert.ok(lost && again && more.length === 0);
  assert.equal(codeIn(lost), codeIn(again));
  assert.deepEqual(await phone.ask(confirm(phone, 'twice@example.org', codeIn(lost))), success('verified'));
});
