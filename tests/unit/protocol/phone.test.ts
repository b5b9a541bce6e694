import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { atom, type Term } from '../../../src/etf/index.ts';
import { readPhone, splitPhoneId } from '../../../src/protocol/phone.ts';
import { text } from '../../harness/terms.ts';
import { foreignTerms, fragment, raw } from './bytes.ts';

const characters = (value: string): Term => [...value].map((character) => character.codePointAt(0) ?? 0);

test('a phone as a binary is read', () => {
  assert.equal(readPhone(fragment('380501112233')), '380501112233');
});

test('a phone as a list of characters is read, in either encoding of a list', () => {
  assert.equal(readPhone(fragment(characters('380501112233'))), '380501112233');
  const list = raw(108, 0, 0, 0, 5, 97, 49, 97, 50, 97, 51, 97, 52, 97, 53, 106);
  assert.equal(readPhone(fragment(list)), '12345');
});

test('a phone as an integer is read, in all encodings of an integer', () => {
  assert.equal(readPhone(fragment(380501112233)), '380501112233');
  assert.equal(readPhone(fragment(raw(98, 0, 0, 0x30, 0x39))), '12345');
  assert.equal(readPhone(fragment(raw(110, 2, 0, 0x39, 0x30))), '12345');
  assert.equal(readPhone(fragment(raw(111, 0, 0, 0, 2, 0, 0x39, 0x30))), '12345');
  assert.equal(readPhone(fragment(999_999_999_999_999)), '999999999999999');
});

test('one leading + is dropped, from a binary and from a list of characters', () => {
  assert.equal(readPhone(fragment('+380501112233')), '380501112233');
  assert.equal(readPhone(fragment(characters('+380501112233'))), '380501112233');
});

test('5 and 15 digits are a phone', () => {
  for (const digits of ['12345', '123456789012345']) assert.equal(readPhone(fragment(digits)), digits);
});

const refused: Record<string, Term> = {
  'two leading +': text('++380501112233'),
  '4 digits': text('1234'),
  '16 digits': text('1234567890123456'),
  '+ and 16 digits': text('+1234567890123456'),
  'an integer of 4 digits': 1234,
  'an integer of 16 digits': 1234567890123456,
  'an integer past 2^53': 2n ** 60n,
  'a negative integer': -380501112233,
  'a slash': text('38050/1112233'),
  'a #': text('38050#'),
  'a zero byte': text('380501112233\0'),
  'a brace': text('{380501112233}'),
  'a line break at the end': text('380501112233\n'),
  'digits of another script': text('٣٨٠٥٠١١١٢٢٣٣'),
  'bytes that are not UTF-8': Uint8Array.of(51, 56, 48, 53, 48, 0xff),
  'no digit': text(''),
  '+ alone': text('+'),
  'the empty list': [],
  undefined: atom('undefined'),
  'an atom of digits': atom('380501112233'),
  'a list of digits’ values': [3, 8, 0, 5, 0],
  'a list of binaries': [text('38050')],
  ...foreignTerms,
};

for (const [name, term] of Object.entries(refused)) {
  test(`not a phone: ${name}`, () => {
    assert.equal(readPhone(fragment(term)), undefined);
  });
}

test('every result is 5 to 15 digits', () => {
  const anything = fc.oneof(fc.string({ unit: fc.constantFrom(...'0123456789+/#{\0 ') }), fc.string());
  fc.assert(
    fc.property(anything, (value) => {
      const read = readPhone(fragment(text(value)));
      if (read !== undefined) assert.match(read, /^[0-9]{5,15}$/);
      assert.equal(read !== undefined, /^\+?[0-9]{5,15}$/.test(value) && !value.endsWith('\n'));
    }),
  );
});

test('a phone_id is a phone and a roster id with _ between', () => {
  assert.deepEqual(splitPhoneId('380501112233_7'), { phone: '380501112233', roster: '7' });
  assert.deepEqual(splitPhoneId('380501112233_a_b'), { phone: '380501112233', roster: 'a_b' });
});

for (const phoneId of [
  '',
  '_',
  '_7',
  '380501112233',
  '1234_7',
  '+380501112233_7',
  'x380501112233_7',
  '38050{_7',
]) {
  test(`not a phone_id: "${phoneId}"`, () => {
    assert.equal(splitPhoneId(phoneId), undefined);
  });
}
