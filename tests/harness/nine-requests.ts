/** A conversation of two phones that has all nine requests in it. */
import assert from 'node:assert/strict';
import type { SmtpSink } from '../../dev/servers/smtp.ts';
import { atom, Tuple } from '../../src/etf/index.ts';
import type { RequestKind } from '../../src/handlers/index.ts';
import { contactsOf, idOf, keep, read } from './address-books.ts';
import { eventually, type Harness, type Phone } from './harness.ts';
import {
  aws,
  codeIn,
  confirm,
  credentialsIn,
  emailService,
  link,
  otherCode,
  success,
} from './services-fixture.ts';
import { feature, fieldsOf, profile, refusal, text } from './terms.ts';

/** What the conversation sends: what the earliest version answers too. */
export const sentKinds: readonly RequestKind[] = [
  ...(['get', 'set', 'update', 'link', 'email', 'aws', 'remove', 'migrate', 'phone'] as const),
];

/**
 * All nine requests of two phones that have each other in their rosters; each version may read what the other stores.
 * @returns the phone that stays.
 */
export async function converse(harness: Harness, sink: SmtpSink): Promise<Phone> {
  const [olena, taras, next] = [await harness.phone(), await harness.phone(), await harness.phone()];
  await keep(olena, { 1: [idOf(taras)] }, { settings: [feature('LANGUAGE', 'uk')] });
  await keep(taras, { 1: [idOf(olena)] });
  assert.deepEqual((await read(olena)).settings, [feature('LANGUAGE', 'uk')]);

  const time = Date.now();
  const updated = fieldsOf(
    await olena.ask(profile({ phone: olena.number, update: time, presence: atom('away'), status: 'update' })),
  );
  assert.deepEqual([updated.update, updated.presence], [time, atom('away')]);
  await eventually('the counterparty is notified', async () => (await taras.newNotices()).length > 0);

  await verifyAddress(olena, sink);
  const keys = [credentialsIn(await olena.ask(aws(olena))), credentialsIn(await olena.ask(aws(olena)))];
  assert.deepEqual(keys[0], keys[1]);

  assert.deepEqual(await olena.ask(profile({ phone: next.number, status: 'migrate' })), success('migration'));
  const moved = fieldsOf(await next.ask(profile({ phone: next.number, status: 'phone' })));
  assert.deepEqual(moved.settings, [feature('LANGUAGE', 'uk')]);
  await harness.idle();
  const [contact, ...others] = contactsOf((await read(taras)).rosters)['1'] ?? [];
  assert.ok(contact instanceof Tuple && others.length === 0);
  assert.deepEqual(contact.elements[1], text(idOf(next)));

  const removed = fieldsOf(await next.ask(profile({ phone: next.number, status: 'remove' })));
  assert.deepEqual(removed.status, atom('remove'));
  await harness.idle();
  await harness.signIn(next.client, next.number);
  assert.deepEqual(await next.ask(profile({ phone: next.number, status: 'get' })), refusal('not_found'));
  return taras;
}

async function verifyAddress(phone: Phone, sink: SmtpSink): Promise<void> {
  const address = `ann-${phone.number}@example.org`;
  assert.deepEqual(await phone.ask(link(phone, address)), success('email_sent'));
  const mail = sink.mails().find(({ to }) => to[0] === address) ?? assert.fail('a mail was taken');
  const code = codeIn(mail);
  assert.deepEqual(await phone.ask(confirm(phone, address, otherCode(code))), refusal('wrong_code'));
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), success('verified'));
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), refusal('wrong_code'));
  assert.deepEqual((await read(phone)).services, [emailService(address, 'verified')]);
}
