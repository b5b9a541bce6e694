/** A mail server that refuses what it is given is not asked without end, whatever the ordinary limits give back. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { age, link, type MailHarness, startMailHarness, success } from '../harness/services-fixture.ts';
import { refusal } from '../harness/terms.ts';

let own: MailHarness;
before(async () => {
  own = await startMailHarness({ workers: 2 });
});
after(() => own.stop());

const sent = success('email_sent');
const tooMany = refusal('too_many_requests');
const hour = 60 * 60_000;

test('a mail server that refuses each mail is asked thirty times an hour for a phone, and no place of others stays taken', async () => {
  const [phone, other] = [await own.harness.phone(), await own.harness.phone()];
  const { database } = own.harness;
  own.sink.refuse('rcpt');
  try {
    for (let count = 0; count < 30; count++)
      assert.deepEqual(
        await phone.ask(link(phone, `guess-${count}@refusing.example`)),
        refusal('email_send'),
      );
    assert.deepEqual(await phone.ask(link(phone, 'guess-30@refusing.example')), tooMany);
    assert.deepEqual(await other.ask(link(other, 'guess-30@refusing.example')), refusal('email_send'));
  } finally {
    own.sink.refuse('none');
  }
  // Neither what was refused by the server nor what was refused here keeps a place in the other limits.
  assert.equal(await database.zcard(`limit:{${phone.number}}:link`), 0);
  assert.deepEqual(await phone.ask(link(phone, 'right@refusing.example')), tooMany);
  await age(database, `limit:{${phone.number}}:mails`, hour);
  assert.deepEqual(await phone.ask(link(phone, 'right@refusing.example')), sent);
});
