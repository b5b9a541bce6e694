/** `link` within its limits: 60 s apart and 5 an hour for a phone, 10 an hour for an address over all phones. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Phone } from '../../harness/harness.ts';
import { age, link, startMailHarness, success } from '../../harness/services-fixture.ts';
import { refusal } from '../../harness/terms.ts';

const own = await startMailHarness({ workers: 2 });
after(() => own.stop());

const tooMany = refusal('too_many_requests');
const sent = success('email_sent');
const minute = 60_000;
const hour = 60 * minute;

const mailsTo = (address: string) => own.sink.mails().filter(({ to }) => to.includes(address)).length;
const pass = (phone: Phone, milliseconds: number) =>
  age(own.harness.database, `limit:{${phone.number}}:link`, milliseconds);

test('a second request of a phone within 60 s is refused, for any address; after 60 s it is not', async () => {
  const phone = await own.harness.phone();
  assert.deepEqual(await phone.ask(link(phone, 'apart@example.org')), sent);
  // Each of the two workers gets one of any two requests.
  for (const address of ['apart@example.org', 'other@example.org', 'apart@example.org']) {
    assert.deepEqual(await phone.ask(link(phone, address)), tooMany);
  }
  await pass(phone, minute - 10_000);
  assert.deepEqual(await phone.ask(link(phone, 'apart@example.org')), tooMany);
  await pass(phone, 10_000);
  assert.deepEqual(await phone.ask(link(phone, 'apart@example.org')), sent);
  assert.deepEqual([mailsTo('apart@example.org'), mailsTo('other@example.org')], [2, 0]);
});

test('a phone that got 5 codes in an hour is refused until the first of them is an hour old', async () => {
  const phone = await own.harness.phone();
  for (let count = 1; count <= 5; count++) {
    assert.deepEqual(await phone.ask(link(phone, `five-${count}@example.org`)), sent);
    await pass(phone, 10 * minute);
  }
  assert.deepEqual(await phone.ask(link(phone, 'six@example.org')), tooMany);
  assert.deepEqual(await phone.ask(link(phone, 'six@example.org')), tooMany);
  await pass(phone, 10 * minute);
  assert.deepEqual(await phone.ask(link(phone, 'six@example.org')), sent);
  await pass(phone, 2 * minute);
  assert.deepEqual(await phone.ask(link(phone, 'seven@example.org')), tooMany);
});

test('an address gets 10 codes in an hour, for any number of phones and any spelling', async () => {
  const spellings = ['full@example.org', 'FULL@example.org', 'Full@EXAMPLE.org', ' full@example.org'];
  const phones = await Promise.all(Array.from({ length: 12 }, () => own.harness.phone()));
  const answers = await Promise.all(
    phones.map((phone, index) => phone.ask(link(phone, spellings[index % spellings.length] ?? ''))),
  );
  assert.deepEqual(answers.filter((answer) => JSON.stringify(answer) === JSON.stringify(sent)).length, 10);
  const refused = phones.filter((_, index) => JSON.stringify(answers[index]) === JSON.stringify(tooMany));
  assert.equal(refused.length, 2);
  const [phone, other] = refused;
  assert.ok(phone && other);
  assert.deepEqual(await phone.ask(link(phone, 'full@example.org')), tooMany);
  // It used no slot of the phone's limit, and left nothing.
  assert.equal(await own.harness.database.exists(`profile:{${phone.number}}`), 0);
  assert.deepEqual(await phone.ask(link(phone, 'empty@example.org')), sent);

  await age(own.harness.database, 'limit:{*}:address', hour);
  assert.deepEqual(await other.ask(link(other, 'full@example.org')), sent);
});

test('20 requests at once, over two workers, send only one mail', async () => {
  const phone = await own.harness.phone();
  for (let count = 0; count < 20; count++) await phone.send(link(phone, 'burst@example.org'), { qos: 0 });
  for (let count = 0; count < 20; count++) await phone.take();
  assert.equal(mailsTo('burst@example.org'), 1);
});

test('the slots are released after an hour', async () => {
  const phone = await own.harness.phone();
  await phone.ask(link(phone, 'ttl@example.org'));
  for (const key of await own.harness.database.keys('limit:*')) {
    const left = await own.harness.database.pttl(key);
    assert.ok(left > 0 && left <= hour, `${key} is kept for ${left} ms`);
  }
});
