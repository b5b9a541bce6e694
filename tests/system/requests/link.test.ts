/** `link`: mails a code to an address. */
import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { atom, decode, type Term } from '../../../src/etf/index.ts';
import { read } from '../../harness/address-books.ts';
import { eventually } from '../../harness/harness.ts';
import { header } from '../../harness/mail-fixture.ts';
import {
  assertMailsAreSecret,
  codeIn,
  confirm,
  emailService,
  everythingIn,
  holds,
  link,
  linked,
  startMailHarness,
  success,
} from '../../harness/services-fixture.ts';
import { feature, profile, refusal, service } from '../../harness/terms.ts';

const own = await startMailHarness({ workers: 2 });
after(() => own.stop());

afterEach(async () => {
  await assertMailsAreSecret(own);
});

/** The only mail to an address. */
function mailTo(address: string) {
  const [mail, ...more] = own.sink.mails().filter(({ to }) => to.includes(address));
  assert.ok(mail && more.length === 0, `one mail to ${address}`);
  return mail;
}

test('a phone without a profile gets one, with the address as an added service', async () => {
  const phone = await own.harness.phone();
  await linked(own, phone, 'new@example.org');
  const fields = await read(phone);
  assert.deepEqual(fields.services, [emailService('new@example.org', 'added')]);
  assert.deepEqual([fields.rosters, fields.settings, fields.balance], [[], [], 0]);
});

test('in an existing profile the address is added last, and all else stays', async () => {
  const phone = await own.harness.phone();
  const services = [service({ id: 'vox-1', type: atom('vox') })];
  const settings = [feature('A', 'b')];
  await phone.ask(
    profile({ phone: phone.number, services, settings, presence: atom('online'), status: 'set' }),
  );
  const before = await read(phone);
  await linked(own, phone, 'second@example.org');
  const expected = { ...before, services: [...services, emailService('second@example.org', 'added')] };
  assert.deepEqual(await read(phone), expected);
});

test('the mail goes to the address only, from the sender, with no other headers than those of a code mail', async () => {
  const phone = await own.harness.phone();
  await linked(own, phone, 'headers@example.org');
  const mail = mailTo('headers@example.org');
  assert.deepEqual([mail.from, mail.to], ['no-reply@example.org', ['headers@example.org']]);
  assert.deepEqual(mail.headers.map(({ name }) => name).sort(), [
    'auto-submitted',
    'content-language',
    'content-type',
    'date',
    'from',
    'message-id',
    'mime-version',
    'subject',
    'to',
  ]);
  assert.deepEqual(header(mail, 'from'), ['Example <no-reply@example.org>']);
  assert.deepEqual(header(mail, 'to'), ['headers@example.org']);
  assert.deepEqual(header(mail, 'auto-submitted'), ['auto-generated']);
  assert.match(header(mail, 'message-id').join(), /^<[0-9a-f]{32}@example\.org>$/);
  assert.ok(
    !mail.raw.includes(phone.number) && !mail.raw.includes(phone.client),
    'nothing identifies the client',
  );
});

const languages: Record<string, [setting: Term | undefined, language: string, words: RegExp]> = {
  'no setting': [undefined, 'en', /Valid for: 10 minutes/],
  uk: [Buffer.from('uk'), 'uk', /Строк дії: 10 хвилин/],
  'uk-UA as a list of characters': [[...Buffer.from('uk-UA')], 'uk', /Строк дії: 10 хвилин/],
  'uk as an atom': [atom('uk'), 'uk', /Строк дії: 10 хвилин/],
  'a language without words': [Buffer.from('tlh'), 'en', /Valid for: 10 minutes/],
  'a number': [7, 'en', /Valid for: 10 minutes/],
  'headers of its own': [Buffer.from('uk\r\nBcc: bcc@example.org'), 'en', /Valid for: 10 minutes/],
};

for (const [name, [setting, language, words]] of Object.entries(languages)) {
  test(`the mail for a profile whose LANG is ${name} is in ${language}`, async () => {
    const phone = await own.harness.phone();
    const settings = setting === undefined ? [] : [feature('LANG', setting)];
    await phone.ask(profile({ phone: phone.number, settings, status: 'set' }));
    const address = `${phone.number}@example.org`;
    await linked(own, phone, address);
    const mail = mailTo(address);
    assert.match(mail.text, words);
    assert.match(mail.html, words);
    assert.deepEqual(header(mail, 'content-language'), [language]);
    assert.deepEqual(header(mail, 'bcc'), []);
    assert.equal(
      mail.subject,
      language === 'uk' ? 'PROFILE: ваш код підтвердження' : 'PROFILE: your confirmation code',
    );
  });
}

const forms: Record<string, (address: string) => Term[]> = {
  'the first of two addresses': (address) => [emailService(address), emailService('never@example.org')],
  'an address behind services of other types': (address) => [
    service({ id: 'never@example.org', type: atom('vox') }),
    service({ id: 'never@example.org', type: atom('aws') }),
    emailService(address),
  ],
  'a service without a type': (address) => [service({ id: address })],
  'a service whose type is undefined': (address) => [service({ id: address, type: atom('undefined') })],
  'an address as a list of characters': (address) => [emailService([...Buffer.from(address)])],
  'an address with spaces around it and capitals in the domain': (address) => [
    emailService(` ${address.replace('example', 'EXAMPLE')} `),
  ],
};

for (const [name, services] of Object.entries(forms)) {
  test(`${name}: mailed there, and nowhere else`, async () => {
    const phone = await own.harness.phone();
    const address = `${phone.number}@example.org`;
    assert.deepEqual(await phone.ask(link(phone, services(address))), success('email_sent'));
    assert.deepEqual(mailTo(address).to, [address]);
    assert.ok(own.sink.mails().every(({ to }) => !to.includes('never@example.org')));
    assert.deepEqual((await read(phone)).services, [emailService(address, 'added')]);
  });
}

test('an address in another alphabet is mailed to and stored as it is read', async () => {
  const phone = await own.harness.phone();
  await linked(own, phone, 'олена@приклад.укр');
  assert.deepEqual((await read(phone)).services, [emailService('олена@приклад.укр', 'added')]);
});

test('linked again later, an address has one service and another code', async () => {
  const phone = await own.harness.phone();
  const first = await linked(own, phone, 'twice@example.org');
  await own.harness.database.del(`limit:{${phone.number}}:link`);
  // Once in a million times the second code equals the first, so a third one is allowed.
  for (let count = 2; count <= 3; count++) {
    assert.deepEqual(await phone.ask(link(phone, 'twice@example.org')), success('email_sent'));
    await own.harness.database.del(`limit:{${phone.number}}:link`);
  }
  const codes = own.sink
    .mails()
    .filter(({ to }) => to[0] === 'twice@example.org')
    .map(codeIn);
  assert.equal(codes.length, 3);
  assert.ok(codes.some((code) => code !== first));
  assert.deepEqual((await read(phone)).services, [emailService('twice@example.org', 'added')]);
});

test('an answer arrives on the client’s own topic with its correlation data', async () => {
  const phone = await own.harness.phone();
  const correlationData = Buffer.from('this one');
  const { topic, properties } = await phone.exchange(link(phone, 'mqtt5@example.org'), {
    properties: { correlationData },
  });
  assert.equal(topic, `actions/1/api/${phone.client}`);
  assert.deepEqual(properties?.correlationData, correlationData);
});

test('requests of both devices of a phone at once, through two workers, send one mail', async () => {
  const phone = await own.harness.phone();
  const other = await own.harness.phone({ number: phone.number });
  for (let count = 0; count < 5; count++) {
    await Promise.all(
      [phone, other].map((device) => device.send(link(phone, 'race@example.org'), { qos: 1 })),
    );
  }
  const answers: Term[] = [];
  for (const device of [phone, other]) {
    for (let count = 0; count < 5; count++) answers.push(decode((await device.take()).payload));
  }
  const count = (expected: Term) =>
    answers.filter((answer) => JSON.stringify(answer) === JSON.stringify(expected));
  assert.equal(count(success('email_sent')).length, 1);
  assert.equal(count(refusal('too_many_requests')).length, 9);
  mailTo('race@example.org');
});

test('many requests at once with the same correlation data send one mail', async () => {
  const phone = await own.harness.phone();
  const properties = { correlationData: Buffer.from('the same') };
  own.sink.hang('data');
  for (let count = 0; count < 10; count++) {
    await phone.send(link(phone, 'flood@example.org'), { qos: 1, properties });
  }
  for (let count = 0; count < 9; count++) {
    assert.deepEqual(decode((await phone.take()).payload), refusal('too_many_requests'));
  }
  await eventually('the mail hangs', () => own.sink.hungCount() > 0);
  own.sink.hang(false);
  own.sink.dropConnections();
  assert.deepEqual(decode((await phone.take()).payload), refusal('email_send'));
  assert.deepEqual(await phone.ask(link(phone, 'flood@example.org'), { properties }), success('email_sent'));
  // This one was answered, so a repeat gets the same answer and changes nothing.
  assert.deepEqual(await phone.ask(link(phone, 'flood@example.org'), { properties }), success('email_sent'));
  mailTo('flood@example.org');
});

test('after two requests at once with the same correlation data the mailed code is valid', async () => {
  const phone = await own.harness.phone();
  const properties = { correlationData: Buffer.from('twice') };
  const address = 'at-once@example.org';
  for (let count = 0; count < 2; count++) await phone.send(link(phone, address), { qos: 1, properties });
  const answers = [decode((await phone.take()).payload), decode((await phone.take()).payload)];
  assert.ok(answers.some((answer) => isDeepStrictEqual(answer, success('email_sent'))));
  const code = codeIn(mailTo(address));
  assert.deepEqual(await phone.ask(confirm(phone, address, code)), success('verified'));
});

test('all of Redis holds no code and no address, except the address in its own profile', async () => {
  const phone = await own.harness.phone();
  await linked(own, phone, 'hidden@example.org');
  const all = await everythingIn(own.harness.database);
  assert.ok(all.has(`verify:{${phone.number}}`) && all.has(`limit:{${phone.number}}:link`));
  for (const mail of own.sink.mails()) {
    const [address = '?'] = mail.to;
    const holding = (secret: string) =>
      [...all].filter(([key, held]) => holds(`${key}\n${held}`, secret)).map(([key]) => key);
    assert.deepEqual(holding(codeIn(mail)), []);
    const [keeper, ...more] = holding(address);
    assert.match(keeper ?? '', /^profile:/);
    assert.deepEqual(more, []);
  }
});
