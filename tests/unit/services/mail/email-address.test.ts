import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  asciiDomainForm,
  parseEmailAddress,
  parseSender,
} from '../../../../src/services/mail/email-address.ts';
import { injections } from './injections.ts';

const understood: [text: string, address: string][] = [
  ['ann@example.org', 'ann@example.org'],
  ['  ann@example.org ', 'ann@example.org'],
  ['Ann.Lee+tag@Mail.EXAMPLE.org', 'Ann.Lee+tag@mail.example.org'],
  ["o'neil@example.org", "o'neil@example.org"],
  ['a!b#c$d%e&f*g/h=i?j^k_l`m{n|o}p~q@example.org', 'a!b#c$d%e&f*g/h=i?j^k_l`m{n|o}p~q@example.org'],
  ['ann@приклад.укр', 'ann@приклад.укр'],
  ['ann@ПРИКЛАД.УКР', 'ann@приклад.укр'],
  ['ann@xn--80aikifvh.xn--j1amh', 'ann@приклад.укр'],
  ['ann@faß.de', 'ann@faß.de'],
  ['користувач@приклад.укр', 'користувач@приклад.укр'],
  ['користувач@example.org', 'користувач@example.org'],
  ['日本@例え.テスト', '日本@例え.テスト'],
  ['ann@example。org', 'ann@example.org'],
  ['e\u0301ve@example.org', '\u00e9ve@example.org'],
  [`${'a'.repeat(64)}@example.org`, `${'a'.repeat(64)}@example.org`],
];

for (const [text, address] of understood) {
  test(`an address is read: ${JSON.stringify(text)}`, () => {
    assert.equal(parseEmailAddress(text), address);
  });
}

for (const [what, text] of injections) {
  test(`not an address: ${what}`, () => {
    assert.equal(parseEmailAddress(text), undefined);
  });
}

/** Of each class of characters that a reader does not see one, in either part of an address, also as Punycode. */
const unseen = [
  0xad, 0x34f, 0x61c, 0x115f, 0x17b4, 0x180b, 0x180e, 0x200b, 0x200d, 0x202e, 0x2060, 0x2065, 0x2800, 0x3164,
  0xfe00, 0xfe0f, 0xfeff, 0xffa0, 0xfff9, 0x1bca0, 0x1d159, 0x1d173, 0xe0001, 0xe0100, 0xe01ef,
];

for (const code of unseen) {
  const character = String.fromCodePoint(code);
  test(`not an address: U+${code.toString(16).toUpperCase()} in it`, () => {
    for (const text of [
      `an${character}n@example.org`,
      `${character}ann@example.org`,
      `ann${character}@example.org`,
    ])
      assert.equal(parseEmailAddress(text), undefined, JSON.stringify(text));
    // A domain may lose it, where its rules say so; it never keeps it.
    assert.ok(!parseEmailAddress(`ann@exam${character}ple.org`)?.includes(character));
  });
}

test('letters with marks stay: they are seen', () => {
  for (const text of ['हिन्दी@example.org', 'пётр@example.org', 'j\u030cane@example.org'])
    assert.equal(parseEmailAddress(text), text.normalize('NFC'));
});

const notAddresses: [what: string, text: string][] = [
  ['nothing', ''],
  ['one space', ' '],
  ['no at sign', 'ann.example.org'],
  ['no local part', '@example.org'],
  ['no domain', 'ann@'],
  ['a domain of one label', 'ann@localhost'],
  ['an empty label', 'ann@example..org'],
  ['a dot at the end', 'ann@example.org.'],
  ['a dot at the start of the local part', '.ann@example.org'],
  ['two dots in the local part', 'ann..lee@example.org'],
  ['an IPv4 domain', 'ann@127.0.0.1'],
  ['an IPv4 domain in hexadecimal', 'ann@0x7f.1'],
  ['an address literal', 'ann@[127.0.0.1]'],
  ['an underscore in the domain', 'ann@exam_ple.org'],
  ['a hyphen at the start of a label', 'ann@-example.org'],
  ['a percent sign in the domain', 'ann@ex%41mple.org'],
  ['a port', 'ann@example.org:25'],
  ['a path', 'ann@example.org/x'],
  ['a broken punycode label', 'ann@xn--zzzzzzzzz.org'],
  ['a broken punycode label among others', 'ann@mail.xn--zzzzzzzzz.org'],
  ['a punycode label of ASCII alone', 'ann@xn--abc-.org'],
  ['a label of 64 letters', `ann@${'a'.repeat(64)}.org`],
  ['a local part of 65 letters', `${'a'.repeat(65)}@example.org`],
  ['a lone surrogate', 'an\ud800n@example.org'],
];

for (const [what, text] of notAddresses) {
  test(`not an address: ${what}`, () => {
    assert.equal(parseEmailAddress(text), undefined);
  });
}

test('an address may have 254 bytes and no more, in its readable and in its ASCII form', () => {
  const exact = `${'l'.repeat(62)}@${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(59)}.org`;
  assert.equal(exact.length, 254);
  assert.equal(parseEmailAddress(exact), exact);
  assert.equal(parseEmailAddress(`l${exact}`), undefined);
  const manyBytes = `${'ї'.repeat(32)}@${'ї'.repeat(50)}.${'ї'.repeat(50)}.org`;
  assert.ok(manyBytes.length < 254 && Buffer.byteLength(manyBytes) > 254);
  assert.equal(parseEmailAddress(manyBytes), undefined);
});

/** Texts from which addresses are built and broken. */
const pieces = fc.constantFrom(
  ...'ann@example.org|user|@|.|,|;|:|<|>|"|\\|(|)|[|]| |\r|\n|\0|\t|%0d%0a|Bcc:|RCPT TO:|приклад.укр|xn--j1amh|＠|。|\u200b|\u202e|\u2028|é|😀|-|_|+'.split(
    '|',
  ),
);
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.emailAddress(),
  fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')),
);

test('property: every accepted text is one bare address, reads as itself, and has no special characters of mail', () => {
  let read = 0;
  const property = fc.property(anyText, (text) => {
    const address = parseEmailAddress(text);
    if (address === undefined) return;
    read += 1;
    assert.equal(parseEmailAddress(address), address);
    assert.match(address, /^[^\s\p{C}\p{Z}<>()[\],;:\\"@]+@[^\s\p{C}\p{Z}<>()[\],;:\\"@]+$/u);
    assert.match(asciiDomainForm(address), /@[a-z0-9-]+(\.[a-z0-9-]+)+$/);
    assert.ok(Buffer.byteLength(address) <= 254 && Buffer.byteLength(asciiDomainForm(address)) <= 254);
  });
  fc.assert(property, { numRuns: 5000 });
  assert.ok(read > 100, `only ${read} of the texts were addresses`);
});

test('the sender of mails is read with and without a name', () => {
  const address = 'no-reply@example.org';
  assert.deepEqual(parseSender('no-reply@example.org'), { name: '', address });
  assert.deepEqual(parseSender('<no-reply@Example.org>'), { name: '', address });
  assert.deepEqual(parseSender('Example <no-reply@example.org>'), { name: 'Example', address });
  assert.deepEqual(parseSender('"Example, Ltd." <no-reply@example.org>'), { name: 'Example, Ltd.', address });
  assert.deepEqual(parseSender('Приклад <no-reply@example.org>'), { name: 'Приклад', address });
});

for (const text of [
  '',
  'Example',
  'Example <>',
  'a@example.org, b@example.org',
  'A\r\nBcc: b <a@example.org>',
]) {
  test(`not a sender: ${JSON.stringify(text)}`, () => {
    assert.equal(parseSender(text), undefined);
  });
}
