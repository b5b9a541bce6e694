/** Links while a mail server hangs: a phone has one mail under way, and neither other links nor a get wait for it. */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { atom, decode } from '../../src/etf/index.ts';
import { eventually, type Phone } from '../harness/harness.ts';
import { age, link, startMailHarness } from '../harness/services-fixture.ts';
import { profile, refusal } from '../harness/terms.ts';

const own = await startMailHarness({
  settings: { SMTP_CONNECTIONS: '2', SMTP_QUEUE: '8', SMTP_TIMEOUT_MS: '60000' },
});
after(() => own.stop());

const take = async (phone: Phone) => decode((await phone.take()).payload);

const lane = (figure: 'running' | 'waiting') =>
  own.harness.workers[0]?.metric(`profile_lane_${figure}{lane="mail"}`);

test('a phone whose mail hangs has one place, however long it hangs, and ten such phones leave places to others', async () => {
  own.sink.hang('data');
  const greedy = await own.harness.phone();
  await greedy.send(link(greedy, 'first@example.org'));
  await eventually('the mail hangs', () => own.sink.hungCount() === 1);
  for (let count = 0; count < 20; count++) {
    const request = link(greedy, `again-${count}@example.org`);
    assert.deepEqual(await greedy.ask(request), refusal('too_many_requests'));
  }
  // A minute later the limits allow the next mail, but the first has not ended.
  await age(own.harness.database, `limit:{${greedy.number}}:link`, 61_000);
  assert.deepEqual(await greedy.ask(link(greedy, 'second@example.org')), refusal('busy'));
  assert.deepEqual([await lane('running'), await lane('waiting')], [1, 0]);
  // What was refused as busy counts in no limit.
  assert.equal(await own.harness.database.zcard(`limit:{${greedy.number}}:link`), 1);
  assert.equal(await own.harness.database.zcard(`limit:{${greedy.number}}:mails`), 1);

  const others = await Promise.all(Array.from({ length: 9 }, () => own.harness.phone()));
  for (const phone of others) await phone.send(link(phone, `${phone.number}@example.org`));
  await eventually('they wait', async () => (await lane('waiting')) === 8);
  const getter = await own.harness.phone();
  await getter.ask(profile({ phone: getter.number, presence: atom('online'), status: 'set' }));
  for (let count = 0; count < 20; count++) await getter.ask(profile({ phone: getter.number, status: 'get' }));
  assert.deepEqual([await lane('running'), await lane('waiting')], [2, 8], 'no get has waited for a mail');

  own.sink.hang(false);
  own.sink.dropConnections();
  const hung = [await take(greedy), ...(await Promise.all(others.map(take)))];
  const refused = hung.filter((answer) => JSON.stringify(answer) === JSON.stringify(refusal('email_send')));
  assert.ok(refused.length <= 2, 'those that hung are refused, those that waited are mailed');
});
