import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { parseEmailAddress } from '../../../src/services/mail/email-address.ts';
import { openMail } from '../../../src/services/mail/mailer.ts';
import { caught, header, message, start } from '../../harness/mail-fixture.ts';
import { injections } from '../../unit/services/mail/injections.ts';

const languages: [language: string, subject: string, validity: RegExp][] = [
  ['en', 'Example: your confirmation code', /10 minutes/],
  ['uk_UA', 'Example: ваш код підтвердження', /10 хвилин/],
];

for (const [language, subject, validity] of languages) {
  test(`a code is mailed in ${language}: headers, text and HTML`, async (t) => {
    const { sink, mail } = await start(t);
    const taken = await caught(sink, mail, { ...message, language });
    assert.equal(taken.from, 'no-reply@example.org');
    assert.deepEqual(taken.to, [message.to]);
    assert.equal(taken.subject, subject);
    assert.deepEqual(header(taken, 'from'), ['Example <no-reply@example.org>']);
    assert.deepEqual(header(taken, 'to'), [message.to]);
    assert.deepEqual(header(taken, 'auto-submitted'), ['auto-generated']);
    assert.match(String(header(taken, 'message-id')), /^<[0-9a-f]{32}@example\.org>$/);
    assert.ok(Math.abs(Date.parse(String(header(taken, 'date'))) - Date.now()) < 60_000);
    for (const part of [taken.text, taken.html]) {
      assert.match(part, /042137/);
      assert.match(part, validity);
    }
    const expected =
      'auto-submitted content-language content-type date from message-id mime-version subject to';
    assert.equal(
      taken.headers
        .map((field) => field.name)
        .sort()
        .join(' '),
      expected,
    );
  });
}

test('subject and product name are settings, and only text', async (t) => {
  const settings = {
    subject: 'Code of {productName}\r\nBcc: eve@example.net',
    productName: '<i>Ann & "Co" $&</i>',
  };
  const { sink, mail } = await start(t, {}, settings);
  const taken = await caught(sink, mail, message);
  assert.equal(taken.subject, 'Code of <i>Ann & "Co" $&</i> Bcc: eve@example.net');
  assert.deepEqual(header(taken, 'bcc'), []);
  assert.doesNotMatch(taken.html, /<i>/);
});

test('the Message-ID is the same for the same code and another for another, and contains none of its inputs', async (t) => {
  const { sink, mail } = await start(t);
  const ids: string[] = [];
  for (const messageId of [
    '380501112233-7',
    '380501112233-7',
    '380501112233-8',
    'x>\r\nBcc: eve@example.net',
  ]) {
    const taken = await caught(sink, mail, { ...message, messageId });
    assert.doesNotMatch(taken.raw, /380501112233|eve/);
    ids.push(String(header(taken, 'message-id')));
  }
  assert.equal(ids[0], ids[1]);
  assert.equal(new Set(ids).size, 3);
});

const international: [to: string, rcpt: string, header: string][] = [
  ['ann@ПРИКЛАД.укр', 'ann@приклад.укр', 'ann@xn--80aikifvh.xn--j1amh'],
  ['користувач@приклад.укр', 'користувач@приклад.укр', 'користувач@приклад.укр'],
  ['користувач@example.net', 'користувач@example.net', 'користувач@example.net'],
  ['日本@例え.テスト', '日本@例え.テスト', '日本@例え.テスト'],
];

for (const [to, recipient, inHeader] of international) {
  test(`a code reaches ${to}`, async (t) => {
    const { sink, mail } = await start(t);
    const taken = await caught(sink, mail, { ...message, to });
    assert.deepEqual(taken.to, [recipient]);
    assert.deepEqual(header(taken, 'to'), [inHeader]);
  });
}

test('no injection reaches the server', async (t) => {
  const { sink, mail, failures } = await start(t);
  for (const [what, to] of injections) assert.equal(await mail.sendCode({ ...message, to }), 'refused', what);
  assert.equal(sink.connectionCount(), 0);
  assert.deepEqual(failures, Array(injections.length).fill({ cause: 'invalid_address' }));
});

test('property: for any address, language or id the server sees one recipient, the parsed one, and no header of the client', async (t) => {
  const { sink, mail } = await start(t, {}, { connections: 4 });
  const piece = fc.constantFrom(
    ...'ann@example.org|eve@example.net|@|.|,|;|<|>|"|\\| |\r\n|\n|\0|Bcc: |X-Evil: 1|приклад.укр|é|user'.split(
      '|',
    ),
  );
  const text = fc.oneof(
    fc.emailAddress(),
    fc.array(piece, { maxLength: 6 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary' }),
  );
  const property = fc.asyncProperty(text, text, text, async (to, language, messageId) => {
    const before = sink.mails().length;
    const address = parseEmailAddress(to);
    const outcome = await mail.sendCode({ ...message, to, language, messageId });
    assert.equal(outcome, address === undefined ? 'refused' : 'accepted');
    const taken = sink.mails().slice(before);
    assert.equal(taken.length, address === undefined ? 0 : 1);
    for (const { to: recipients, headers, raw } of taken) {
      assert.deepEqual(recipients, [address]);
      assert.equal(headers.length, 9);
      assert.doesNotMatch(raw, /^(X-Evil|Bcc|Cc):/im);
    }
  });
  await fc.assert(property, { numRuns: 300 });
  assert.ok(sink.mails().length > 50);
});

for (const tls of ['starttls', 'implicit'] as const) {
  test(`${tls}: a code is mailed encrypted, with the right login`, async (t) => {
    const { sink, mail } = await start(t, { tls, user: 'pro@file', password: 'p:ä/%s' });
    const taken = await caught(sink, mail, message);
    assert.equal(taken.secure, true);
    assert.equal(taken.user, 'pro@file');
  });

  test(`${tls}: a certificate of an untrusted authority is refused`, async (t) => {
    const { sink, mail, failures } = await start(t, { tls }, { ca: Buffer.alloc(0) });
    assert.equal(await mail.sendCode(message), 'refused');
    assert.equal(failures[0]?.systemCode, 'DEPTH_ZERO_SELF_SIGNED_CERT');
    assert.equal(sink.mails().length, 0);
  });

  test(`${tls}: a certificate for another name is refused`, async (t) => {
    const { sink, mail, failures } = await start(t, { tls, certificateNames: ['DNS:mail.example.org'] });
    assert.equal(await mail.sendCode(message), 'refused');
    assert.equal(failures[0]?.systemCode, 'ERR_TLS_CERT_ALTNAME_INVALID');
    assert.equal(sink.mails().length, 0);
  });
}

test('a server without STARTTLS gets neither mail nor password', async (t) => {
  const { sink, mail, failures } = await start(t, { user: 'ann', password: 'right' }, { requireTls: true });
  assert.equal(await mail.sendCode(message), 'refused');
  assert.equal(failures[0]?.cause, 'ETLS');
  assert.equal(sink.mails().length, 0);
  assert.match(sink.received(), /^EHLO/);
  assert.doesNotMatch(sink.received(), /AUTH|MAIL|RCPT|right/);
});

test('options in the URL cannot turn TLS off', async (t) => {
  const { sink } = await start(t);
  const url = `${sink.url}/?requireTLS=false&ignoreTLS=true`;
  const settings = {
    from: 'no-reply@example.org',
    productName: 'Example',
    connections: 1,
    timeoutMs: 10_000,
  };
  const mail = openMail({ ...settings, url, requireTls: true });
  t.after(() => mail.close());
  assert.equal(await mail.sendCode(message), 'refused');
  assert.equal(sink.mails().length, 0);
});
