/** A mail that goes out twice says the same twice: its code and its Message-ID come from the request. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { decode } from '../../src/etf/index.ts';
import { eventually } from '../harness/harness.ts';
import { header } from '../harness/mail-fixture.ts';
import { age, codeIn, confirm, link, startMailHarness, success } from '../harness/services-fixture.ts';

const own = await startMailHarness();
after(() => own.stop());

const mailsTo = (address: string) => own.sink.mails().filter(({ to }) => to[0] === address);

test('a worker is killed after the mail server has the mail: the mail that follows has the same code and the same Message-ID', async () => {
  const phone = await own.harness.phone();
  const address = `ann-${phone.number}@example.org`;
  own.sink.hang('accepted');
  await phone.send(link(phone, address), { qos: 1 });
  await eventually('the mail server has the mail', () => mailsTo(address).length === 1);
  own.sink.hang(false);
  await own.harness.worker.process.kill('SIGKILL');
  await own.harness.worker.process.restart();
  assert.deepEqual(decode((await phone.take()).payload), success('email_sent'));

  const [first, second] = mailsTo(address);
  assert.ok(first && second);
  assert.equal(codeIn(first), codeIn(second));
  assert.deepEqual(header(first, 'message-id'), header(second, 'message-id'));
  assert.deepEqual(await phone.ask(confirm(phone, address, codeIn(first))), success('verified'));
});

test('what is asked again later is another request, even with the same packet identifier: another code, another Message-ID', async () => {
  const phone = await own.harness.phone();
  const address = `ann-${phone.number}@example.org`;
  const correlationData = Buffer.from('always the same');
  const ask = async () => {
    await phone.send(link(phone, address), { qos: 1, properties: { correlationData } });
    return decode((await phone.take()).payload);
  };
  assert.deepEqual(await ask(), success('email_sent'));
  await own.harness.database.unlink(await own.harness.database.keys(`done:{${phone.number}}*`));
  await age(own.harness.database, `limit:{${phone.number}}:link`, 61_000);
  assert.deepEqual(await ask(), success('email_sent'));
  const [first, second] = mailsTo(address);
  assert.ok(first && second);
  assert.notEqual(codeIn(first), codeIn(second));
  assert.notDeepEqual(header(first, 'message-id'), header(second, 'message-id'));
});
