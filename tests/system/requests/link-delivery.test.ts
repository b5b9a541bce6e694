/** `link` and `email` during crashes, hangs and full queues: one mail, one try, and nobody else waits. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { readSettings } from '../../../src/config/settings.ts';
import { atom, decode } from '../../../src/etf/index.ts';
import { PUBACK, PUBLISH } from '../../harness/framing.ts';
import { eventually, type Phone } from '../../harness/harness.ts';
import { startRelayedHarness } from '../../harness/relayed-worker.ts';
import {
  codeIn,
  confirm,
  emailService,
  link,
  linked,
  otherCode,
  startMailHarness,
  success,
  tries,
} from '../../harness/services-fixture.ts';
import { fieldsOf, profile, refusal } from '../../harness/terms.ts';

/** One worker, with a connection to its broker on which its packets can be dropped. */
const own = await startRelayedHarness();
after(() => own.stop());

/** From now on drops the worker's packets; no earlier request is in flight then. */
async function lose(phone: Phone, ...types: readonly number[]): Promise<void> {
  await own.worker.idle();
  await phone.fence();
  own.relay.lose(...types);
}

/** Kills the worker with SIGKILL and restarts it under its client id; the broker then redelivers. */
async function resurrect(): Promise<void> {
  await own.worker.process.kill('SIGKILL');
  own.relay.lose();
  await own.worker.process.restart();
}

/** How many slots are taken in the limits that a pattern names. */
async function placesIn(pattern: string): Promise<number> {
  const keys = await own.harness.database.keys(pattern);
  const counts = await Promise.all(keys.map((key) => own.harness.database.zcard(key)));
  return counts.reduce((sum, count) => sum + count, 0);
}

const redelivered = () => own.worker.metric('profile_redeliveries_total');

const mailsTo = (address: string) => own.sink.mails().filter(({ to }) => to.includes(address));

const servicesOf = async (phone: Phone) =>
  fieldsOf(await phone.ask(profile({ phone: phone.number, status: 'get' }))).services;

test('killed when the mail was sent and recorded: email_sent is still answered, and only one mail was sent', async () => {
  const phone = await own.harness.phone();
  await lose(phone, PUBLISH, PUBACK);
  const lost = own.relay.lost;
  await phone.send(link(phone, 'once@example.org'));
  await eventually('its answer is lost', () => own.relay.lost > lost);
  await resurrect();
  assert.deepEqual(decode((await phone.take()).payload), success('email_sent'));
  assert.equal(await redelivered(), 1);
  const [mail, ...more] = mailsTo('once@example.org');
  assert.ok(mail && more.length === 0);
  assert.deepEqual(await phone.ask(confirm(phone, 'once@example.org', codeIn(mail))), success('verified'));
});

test('killed when the answer was sent: email_sent is answered twice, and only one mail was sent', async () => {
  const phone = await own.harness.phone();
  await lose(phone, PUBACK);
  const lost = own.relay.lost;
  assert.deepEqual(await phone.ask(link(phone, 'twice@example.org')), success('email_sent'));
  await eventually('the acknowledgement is lost', () => own.relay.lost > lost);
  await resurrect();
  assert.deepEqual(decode((await phone.take()).payload), success('email_sent'));
  assert.equal(await redelivered(), 1);
  assert.equal(mailsTo('twice@example.org').length, 1);
});

test('killed while the mail hangs: it is mailed when the worker is back; refused then, it uses no slot but that of the attempt', async () => {
  const phone = await own.harness.phone();
  const places = await placesIn('limit:*');
  const request = link(phone, 'hung@example.org');
  own.sink.hang('data');
  await phone.send(request);
  await eventually('the mail hangs', () => own.sink.hungCount() === 1);
  own.sink.hang(false);
  own.sink.refuse('rcpt');
  await resurrect();
  assert.deepEqual(decode((await phone.take()).payload), refusal('email_send'));
  assert.equal(await placesIn('limit:*'), places + 1);
  assert.equal(await placesIn(`limit:{${phone.number}}:mails`), 1);

  own.sink.refuse('none');
  own.sink.hang('data');
  await phone.send(request);
  await eventually('the next one hangs too', () => own.sink.hungCount() === 2);
  own.sink.hang(false);
  await resurrect();
  assert.deepEqual(decode((await phone.take()).payload), success('email_sent'));
  // One of the phone, one of the mailbox, one of the domain; and two attempts.
  assert.equal(await placesIn('limit:*'), places + 5);
  assert.deepEqual(await phone.ask(request), refusal('too_many_requests'));
  assert.equal(mailsTo('hung@example.org').length, 1);
});

test('killed when a code was tried: verified is still answered, and a wrong one counts once', async () => {
  const phone = await own.harness.phone();
  const code = await linked(own, phone, 'tried@example.org');
  await lose(phone, PUBLISH, PUBACK);
  await phone.send(confirm(phone, 'tried@example.org', otherCode(code)));
  await eventually('it is tried', async () => (await tries(own, phone)) === '1');
  await resurrect();
  assert.deepEqual(decode((await phone.take()).payload), refusal('wrong_code'));
  assert.equal(await redelivered(), 1);
  assert.equal(await tries(own, phone), '1');
  assert.equal(await placesIn(`limit:{${phone.number}}:tries:*`), 1);

  await lose(phone, PUBLISH, PUBACK);
  await phone.send(confirm(phone, 'tried@example.org', code));
  await eventually('the code is used up', async () => (await tries(own, phone)) === undefined);
  await resurrect();
  assert.deepEqual(decode((await phone.take()).payload), success('verified'));
  assert.equal(await redelivered(), 1);
  assert.deepEqual(await servicesOf(phone), [emailService('tried@example.org', 'verified')]);
  assert.deepEqual(await phone.ask(confirm(phone, 'tried@example.org', code)), refusal('wrong_code'));
});

test('removed while the mail is in flight: the profile does not come back with the address', async (t) => {
  const slow = await startMailHarness({ workers: 0 });
  t.after(() => slow.stop());
  const relay = await slow.harness.relay({}, slow.sink);
  await slow.harness.startWorker({ SMTP_URL: relay.url });
  const phone = await slow.harness.phone();
  await phone.ask(profile({ phone: phone.number, presence: atom('online'), status: 'set' }));
  relay.hold();
  await phone.send(link(phone, 'gone@example.org'));
  await eventually('the mail is under way', () => slow.sink.connectionCount() === 1);
  assert.deepEqual(
    fieldsOf(await phone.ask(profile({ phone: phone.number, status: 'remove' }))).status,
    atom('remove'),
  );
  relay.release();
  assert.deepEqual(decode((await phone.take()).payload), refusal('not_authorized'));
  assert.equal(slow.sink.mails().length, 1);
  for (const kind of ['profile', 'verify']) {
    assert.equal(await slow.harness.database.exists(`${kind}:{${phone.number}}`), 0);
  }
});

test('a mail server that hangs slows no get; a full queue answers busy, and stores nothing', async (t) => {
  const narrow = await startMailHarness({
    settings: { SMTP_CONNECTIONS: '2', SMTP_QUEUE: '2', SMTP_TIMEOUT_MS: '5000' },
  });
  t.after(() => narrow.stop());
  narrow.sink.hang('data');
  const phones = await Promise.all(Array.from({ length: 7 }, () => narrow.harness.phone()));
  const [getter, ...linkers] = phones as [Phone, ...Phone[]];
  await getter.ask(profile({ phone: getter.number, presence: atom('online'), status: 'set' }));
  for (const phone of linkers) await phone.send(link(phone, `${phone.number}@example.org`));
  await eventually('two mails hang', () => narrow.sink.hungCount() === 2);
  await eventually('two are busy', () => linkers.filter(({ answers }) => answers.length > 0).length === 2);

  for (let count = 0; count < 20; count++) {
    await getter.ask(profile({ phone: getter.number, status: 'get' }));
  }
  // Both still hang, so none of the twenty has waited for a mail.
  assert.equal(linkers.filter(({ answers }) => answers.length > 0).length, 2);

  const busy = linkers.filter(({ answers }) => answers.length > 0);
  for (const phone of busy) {
    assert.deepEqual(decode((await phone.take()).payload), refusal('busy'));
    assert.deepEqual(await narrow.harness.database.keys(`[^sd]*:{${phone.number}}*`), []);
  }
  narrow.sink.hang(false);
  const answers = await Promise.all(
    linkers
      .filter((phone) => !busy.includes(phone))
      .map(async (phone) => decode((await phone.take()).payload)),
  );
  const [first, second, ...queued] = answers;
  assert.deepEqual([first, second], [refusal('email_send'), refusal('email_send')]);
  assert.deepEqual(queued, [success('email_sent'), success('email_sent')]);
  for (const phone of [...busy, linkers[0] as Phone]) {
    assert.deepEqual(await phone.ask(link(phone, `${phone.number}@example.org`)), success('email_sent'));
  }
});

test('by default hanging mails and calls to STS leave room for other requests', () => {
  const { mail, mailQueue, awsConcurrency, awsQueue, mqtt } = readSettings({
    MQTT_URL: 'mqtt://localhost',
    REDIS_URL: 'redis://localhost',
    SMTP_URL: 'smtp://localhost',
    MAIL_FROM: 'no-reply@example.org',
    VERIFY_SECRET: 'a secret of more than 32 characters',
  });
  assert.ok(mail);
  assert.ok(mail.connections + mailQueue + awsConcurrency + awsQueue < mqtt.receiveMaximum);
});
