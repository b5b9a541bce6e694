/** A mail server that takes few connections: mails wait for those, and no client is refused for it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decode } from '../../src/etf/index.ts';
import { eventually, type Phone } from '../harness/harness.ts';
import { link, startMailHarness, success } from '../harness/services-fixture.ts';
import { refusal } from '../harness/terms.ts';

const own = await startMailHarness({
  settings: { SMTP_CONNECTIONS: '10', SMTP_QUEUE: '40', SMTP_TIMEOUT_MS: '60000' },
});
after(() => own.stop());

/** Each its own domain, because mails to one domain are limited: a slow machine needs more rounds. */
const addressOf = ({ number }: Phone): string => `a@d${number}.example.org`;

/** Links of so many phones at once; what they hear. */
async function linkAll(count: number) {
  const phones: Phone[] = [];
  while (phones.length < count) phones.push(await own.harness.phone());
  const before = own.sink.mails().length;
  await Promise.all(phones.map((phone) => phone.send(link(phone, addressOf(phone)), { qos: 1 })));
  const answers = await Promise.all(phones.map(async (phone) => decode((await phone.take()).payload)));
  return { answers, mails: own.sink.mails().length - before };
}

test('two connections, and 421 to the rest: ten links at once are mailed, each once, and the limit is learned', async () => {
  own.sink.allow(2);
  own.sink.delay(100);
  const { answers, mails } = await linkAll(10);
  assert.deepEqual(answers, Array(10).fill(success('email_sent')));
  assert.equal(mails, 10);
  const refused = own.sink.refusedConnections();
  assert.ok(refused > 0);

  const again = await linkAll(10);
  assert.deepEqual(again.answers, Array(10).fill(success('email_sent')));
  assert.ok(own.sink.refusedConnections() <= refused + 1, 'mails wait instead of asking for connections');
  const told = own.harness.worker
    .log()
    .filter(({ msg }) => String(msg).startsWith('the mail server takes no more'));
  assert.ok(told.length > 0 && told.length <= 2, JSON.stringify(told));
});

test('the server takes more again: in time so do we', async () => {
  own.sink.allow(10);
  own.sink.delay(30);
  for (let round = 0; own.sink.openConnections() < 4; round++) {
    assert.ok(round < 20, 'it grows with the mails');
    assert.deepEqual((await linkAll(30)).answers, Array(30).fill(success('email_sent')));
  }
});

test('no connection at all for a while: a link waits, and is mailed once there is one', async () => {
  own.sink.allow(0);
  own.sink.dropConnections();
  const phone = await own.harness.phone();
  const before = own.sink.refusedConnections();
  await phone.send(link(phone, addressOf(phone)), { qos: 1 });
  await eventually('it was refused twice', () => own.sink.refusedConnections() >= before + 2);
  own.sink.allow(1);
  assert.deepEqual(decode((await phone.take()).payload), success('email_sent'));
});

test('a server that is silent, after the connection or in the middle, is given up long before the time of a mail, and the lane is free', async () => {
  let refused = own.harness.worker.log().filter(({ msg }) => msg === 'mail refused').length;
  for (const where of ['connect', 'rcpt', 'data'] as const) {
    own.sink.dropConnections();
    own.sink.allow(10);
    own.sink.hang(where);
    const phone = await own.harness.phone();
    const answer = await phone.ask(link(phone, addressOf(phone)));
    own.sink.hang(false);
    assert.deepEqual(answer, refusal('email_send'), where);
    const causes = () =>
      own.harness.worker.log().flatMap(({ msg, cause }) => (msg === 'mail refused' ? [cause] : []));
    // The answer may come before the line of the log.
    await eventually('the silence ended it, not the time of the mail', () => causes().length > refused);
    refused = causes().length;
    assert.equal(causes().at(-1), 'ETIMEDOUT');
    assert.equal(await own.harness.worker.metric('profile_lane_running{lane="mail"}'), 0);
    const other = await own.harness.phone();
    assert.deepEqual(await other.ask(link(other, addressOf(other))), success('email_sent'), where);
  }
});
