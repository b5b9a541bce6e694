/** A refused `link`: because of the client's data, or by the mail server. Nothing is stored. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { atom, ImproperList, type Term } from '../../../src/etf/index.ts';
import { type Phone, startHarness } from '../../harness/harness.ts';
import {
  assertTellsNothing,
  emailService,
  everythingIn,
  link,
  startMailHarness,
  success,
} from '../../harness/services-fixture.ts';
import { fieldsOf, profile, record, refusal, service, text, type Value } from '../../harness/terms.ts';

const own = await startMailHarness();
after(() => own.stop());
afterEach(() => assertTellsNothing(own.harness, ['secret', 'Bcc', 'bcc']));

/** The keys of a phone in Redis, except its session and idempotency records. */
async function kept({ number }: Phone): Promise<string[]> {
  const keys = await own.harness.database.keys(`*{${number}}*`);
  return keys.filter((key) => !/^(sessions|done):/.test(key));
}

const nil = (count: number) => Array<[]>(count).fill([]);

const shapes: Record<string, Value> = {
  'services that are a binary': 'secret@example.org',
  'services that are one service': emailService('secret@example.org'),
  'services that are an improper list': new ImproperList([emailService('secret@example.org')], 1),
  'a service of 7 elements': [record('Service', 'secret@example.org', atom('email'), ...nil(4))],
  'a service of 9 elements': [record('Service', 'secret@example.org', atom('email'), ...nil(6))],
  'a service of an unknown type': [service({ id: 'secret@example.org', type: atom('fax') })],
  'a service whose type is a binary': [service({ id: 'secret@example.org', type: 'email' })],
  'an address behind which stands no service': [emailService('secret@example.org'), 1],
};

for (const [name, services] of Object.entries(shapes)) {
  test(`${name}: invalid_data`, async () => {
    const phone = await own.harness.phone();
    const request = profile({ phone: phone.number, services, status: 'link' });
    assert.deepEqual(await phone.ask(request), refusal('invalid_data'));
    assert.deepEqual(await kept(phone), []);
    assert.equal(own.sink.connectionCount(), 0);
  });
}

const long = (length: number) => `${'secret'.padEnd(length - '@example.org'.length, 's')}@example.org`;

const addresses: Record<string, Term[]> = {
  'no services': [],
  'services of other types': [service({ id: 'secret@example.org', type: atom('vox') })],
  'no address': [emailService([])],
  'an empty address': [emailService('')],
  'an address that is an atom': [emailService(atom('secret@example.org'))],
  'an address that is a number': [emailService(7)],
  'an address that is not UTF-8': [emailService(Buffer.from('secret\xff@example.org', 'latin1'))],
  'a list that is no text': [emailService([text('secret@example.org')])],
  'an address of 300 bytes': [emailService(long(300))],
  'an address of 255 bytes': [emailService(long(255))],
  'an address without a domain': [emailService('secret')],
  'a bad address before a good one': [emailService('secret'), emailService('secret@example.org')],
  'two addresses in one': [emailService('secret@example.org,secret@example.net')],
  'two addresses with a space': [emailService('secret@example.org secret@example.net')],
  'an address with a name': [emailService('Bcc <secret@example.org>')],
  'an address in angle brackets': [emailService('<secret@example.org>')],
  'a quoted address': [emailService('"secret> RCPT TO:<bcc"@example.org')],
  'a header behind the address': [emailService('secret@example.org\r\nBcc: bcc@example.org')],
  'a bare line feed': [emailService('secret@example.org\nBcc: bcc@example.org')],
  'a header before the address': [emailService('Bcc: bcc@example.org\r\nsecret@example.org')],
  'a line feed at the end': [emailService('secret@example.org\n')],
  'a carriage return as a character': [emailService([...Buffer.from('secret@example.org'), 13, 10])],
  'a zero byte': [emailService('secret@example.org\0')],
  'a command in the domain': [emailService('secret@example.org>\r\nRCPT TO:<bcc@example.org')],
  'a line separator': [emailService('secret@example.org\u2028Bcc: bcc@example.org')],
};

for (const [name, services] of Object.entries(addresses)) {
  test(`${name}: invalid_email`, async () => {
    const phone = await own.harness.phone();
    assert.deepEqual(await phone.ask(link(phone, services)), refusal('invalid_email'));
    assert.deepEqual(await kept(phone), []);
    assert.equal(own.sink.connectionCount(), 0, 'the mail server receives nothing');
  });
}

test('a client without a session of the phone is refused, and nothing is mailed', async () => {
  const phone = await own.harness.phone({ session: false });
  assert.deepEqual(await phone.ask(link(phone, 'secret@example.org')), refusal('not_authorized'));
  assert.deepEqual(await kept(phone), []);
  assert.equal(own.sink.connectionCount(), 0);
});

for (const where of ['mail', 'rcpt', 'temporary', 'data'] as const) {
  test(`refused by the mail server (${where}): email_send, nothing but the attempts is stored, and the next try works`, async () => {
    const phone = await own.harness.phone();
    const address = `secret-${phone.number}@example.org`;
    own.sink.refuse(where);
    for (let count = 0; count < 12; count++) {
      assert.deepEqual(await phone.ask(link(phone, address)), refusal('email_send'));
    }
    assert.deepEqual(await kept(phone), [`limit:{${phone.number}}:mails`]);
    const limits = [...(await everythingIn(own.harness.database)).keys()].filter((key) =>
      key.startsWith('limit:'),
    );
    assert.ok(
      limits.every((key) => mailed.has(key) || key === `limit:{${phone.number}}:mails`),
      'no place is taken',
    );
    own.sink.refuse('none');
    assert.deepEqual(await phone.ask(link(phone, address)), success('email_sent'));
    for (const key of await own.harness.database.keys('limit:*')) mailed.add(key);
  });
}

/** The limits in which a sent mail has its slot. */
const mailed = new Set<string>();

test('refused for an existing profile: it stays unchanged', async () => {
  const phone = await own.harness.phone();
  const get = () => phone.ask(profile({ phone: phone.number, status: 'get' }));
  await phone.ask(profile({ phone: phone.number, presence: atom('online'), status: 'set' }));
  const before = await get();
  own.sink.refuse('rcpt');
  assert.deepEqual(await phone.ask(link(phone, 'secret@example.org')), refusal('email_send'));
  own.sink.refuse('none');
  assert.deepEqual(await get(), before);
});

test('a mail server that cuts the connection: email_send, and the next try works', async () => {
  const phone = await own.harness.phone();
  own.sink.dropAfterAccept(true);
  assert.deepEqual(await phone.ask(link(phone, 'secret@example.org')), refusal('email_send'));
  own.sink.dropAfterAccept(false);
  assert.deepEqual(await phone.ask(link(phone, 'secret@example.org')), success('email_sent'));
  const { services } = fieldsOf(await phone.ask(profile({ phone: phone.number, status: 'get' })));
  assert.deepEqual(services, [emailService('secret@example.org', 'added')]);
});

test('without a mail server in the settings: email_send, and one log line at the start', async (t) => {
  const harness = await startHarness();
  t.after(() => harness.stop());
  const phone = await harness.phone();
  for (let count = 0; count < 3; count++) {
    assert.deepEqual(await phone.ask(link(phone, 'secret@example.org')), refusal('email_send'));
  }
  assert.deepEqual(await phone.ask(link(phone, 'secret')), refusal('invalid_email'));
  assert.equal(await harness.database.exists(`profile:{${phone.number}}`), 0);
  const said = harness.worker.log().filter(({ msg }) => String(msg).includes('SMTP_URL is not set'));
  assert.equal(said.length, 1);
});

test('a mail server that demands TLS and a login: mailed with both', async (t) => {
  const secure = await startMailHarness({}, { tls: 'starttls', user: 'worker', password: 'pass word' });
  t.after(() => secure.stop());
  const phone = await secure.harness.phone();
  assert.deepEqual(await phone.ask(link(phone, 'tls@example.org')), success('email_sent'));
  const [mail] = secure.sink.mails();
  assert.deepEqual([mail?.secure, mail?.user], [true, 'worker']);
});
