import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  Atom,
  atom,
  decode,
  decodeFragment,
  encode,
  equal,
  Foreign,
  ImproperList,
  isAtom,
  openMessage,
  print,
  skipTerm,
  type Term,
  tuple,
} from '../../../src/etf/index.ts';
import { foreignSamples } from './foreign-samples.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');
const read = (text: string) => decode(hex(`83 ${text}`));

/** Bytes of encoders in the field, and their terms. */
const readings: Record<string, [string, Term]> = {
  SMALL_INTEGER_EXT: ['61 ff', 255],
  'INTEGER_EXT, signed': ['62 fffffffb', -5],
  'INTEGER_EXT of a small integer': ['62 00000005', 5],
  'SMALL_BIG_EXT of a time in milliseconds': ['6e 06 00 0068e5cf8b01', 1_700_000_000_000],
  'SMALL_BIG_EXT of a negative time': ['6e 06 01 0068e5cf8b01', -1_700_000_000_000],
  'SMALL_BIG_EXT with zero bytes before its digits': ['6e 09 00 050000000000000000', 5],
  'SMALL_BIG_EXT of no digits': ['6e 00 00', 0],
  'SMALL_BIG_EXT of a negative zero': ['6e 01 01 00', 0],
  'SMALL_BIG_EXT with another sign than 0 and 1': ['6e 01 02 05', -5],
  'LARGE_BIG_EXT of a small integer': ['6f 00000001 00 05', 5],
  'the largest exact number': ['6e 07 00 ffffffffffff1f', Number.MAX_SAFE_INTEGER],
  'the first number that is not exact': ['6e 07 00 00000000000020', 2n ** 53n],
  'the largest 64-bit integer': ['6e 08 01 ffffffffffffffff', -(2n ** 64n - 1n)],
  ATOM_EXT: ['64 0003 676574', atom('get')],
  SMALL_ATOM_EXT: ['73 03 676574', atom('get')],
  ATOM_UTF8_EXT: ['76 0003 676574', atom('get')],
  SMALL_ATOM_UTF8_EXT: ['77 03 676574', atom('get')],
  'ATOM_EXT in Latin-1': ['64 0001 e9', atom('é')],
  'SMALL_ATOM_UTF8_EXT beyond Latin-1': ['77 04 d196d0bc', atom('ім')],
  'the empty atom': ['77 00', atom('')],
  'STRING_EXT, which is a list': ['6b 0003 010203', [1, 2, 3]],
  'an empty STRING_EXT': ['6b 0000', []],
  LIST_EXT: ['6c 00000002 6101 6a 6a', [1, []]],
  'an empty LIST_EXT': ['6c 00000000 6a', []],
  'a list whose tail is a list': ['6c 00000001 6101 6c 00000001 6102 6a', [1, 2]],
  'a list whose tail is a string': ['6c 00000001 6101 6b 0002 0203', [1, 2, 3]],
  'a list whose tail is an improper list': [
    '6c 00000001 6101 6c 00000001 6102 6103',
    new ImproperList([1, 2], 3),
  ],
  'an improper list': ['6c 00000001 6101 6102', new ImproperList([1], 2)],
  SMALL_TUPLE_EXT: ['68 02 6101 6102', tuple(1, 2)],
  'LARGE_TUPLE_EXT of two': ['69 00000002 6101 6102', tuple(1, 2)],
  BINARY_EXT: ['6d 00000002 6869', Uint8Array.from(Buffer.from('hi'))],
};

describe('decode', () => {
  for (const [name, [bytes, term]] of Object.entries(readings)) {
    test(`reads ${name}`, () => {
      assert.deepEqual(read(bytes), term);
      assert.deepEqual(decodeFragment(hex(bytes)), term);
    });
  }

  for (const [name, { hex: bytes, text }] of Object.entries(foreignSamples)) {
    test(`carries ${name} byte for byte, also inside a tuple`, () => {
      const term = read(bytes);
      assert.ok(term instanceof Foreign);
      assert.equal(Buffer.from(term.bytes).toString('hex'), bytes);
      assert.equal(print(term), text);
      const message = hex(`83 6803 6101 ${bytes} 6102`);
      assert.deepEqual(encode(decode(message)), message);
      assert.equal(skipTerm(openMessage(message), 0), message.length - 1);
    });

    test(`refuses ${name} when any byte is missing`, () => {
      for (let length = 1; length < bytes.length / 2; length++) {
        assert.throws(() => decode(hex(`83 ${bytes.slice(0, 2 * length)}`)), {
          reason: /truncated|bad_float/,
        });
      }
    });
  }

  test('shares the atoms of the protocol, and no others', () => {
    assert.equal(read('64 0003 676574'), read('77 03 676574'));
    assert.equal(read('64 0003 676574'), atom('get'));
    assert.notEqual(read('64 0003 676579'), read('64 0003 676579'));
    assert.ok(equal(read('64 0003 676579'), new Atom('gey')));
  });

  test('keeps similar atoms apart from those of the protocol', () => {
    const words =
      'Profile Service Roster Contact Feature io ok error get set update remove link email aws phone vox';
    for (const word of words.split(' ')) {
      for (let code = 0; code < 256; code++) {
        const character = String.fromCharCode(code);
        for (const name of [word + character, character + word, character + word.slice(1)]) {
          const term = decode(encode(new Atom(name)));
          assert.ok(isAtom(term, name), name);
        }
      }
    }
  });

  test('returns binaries as views on the message', () => {
    const message = hex('83 6d 00000002 6869');
    const term = decode(message);
    message[6] = 'H'.charCodeAt(0);
    assert.deepEqual(term, Uint8Array.from(Buffer.from('Hi')));
  });

  test('reads a message that is part of a larger buffer', () => {
    const larger = hex('ffff 83 6802 6d00000001 41 6d00000001 42 ffff');
    assert.equal(print(decode(larger.subarray(2, 17))), '{<<"A">>,<<"B">>}');
  });

  const mapsOfTwo: Record<string, string> = {
    'an integer and a float': '6101 6a 46 3ff0000000000000 6a',
    'both zeros': '46 0000000000000000 6a 46 8000000000000000 6a',
    'an atom and a binary': '64000161 6a 6d0000000161 6a',
    'a binary and a bit string': '6d0000000180 6a 4d0000000101 80 6a',
    'a tuple and a list': '6801 6101 6a 6b000101 6a',
    'tuples of other elements': '6802 6101 6102 6a 6802 6102 6101 6a',
    'integers that differ in their sign': '6e 08 00 ffffffffffffffff 6a 6e 08 01 ffffffffffffffff 6a',
    'integers that differ in their length': '6e 08 00 ffffffffffffffff 6a 6e 09 00 ffffffffffffffff01 6a',
    'a list and an improper list': '6b00020102 6a 6c00000001 6101 6102 6a',
    'maps with other values': '7400000001 6101 6101 6a 7400000001 6101 6102 6a',
    'exports of other arities': '71 64000161 64000162 6101 6a 71 64000161 64000162 6102 6a',
  };
  for (const [name, pairs] of Object.entries(mapsOfTwo)) {
    test(`accepts a map whose keys are ${name}`, () => {
      assert.ok(read(`74 00000002 ${pairs}`) instanceof Foreign);
    });
  }

  const sameKeys: Record<string, string> = {
    'a float in two encodings': `463ff8000000000000 6a ${foreignSamples.FLOAT_EXT?.hex} 6a`,
    'a pid': `${foreignSamples.NEW_PID_EXT?.hex} 6a ${foreignSamples.NEW_PID_EXT?.hex} 6a`,
    'a pid whose node is in two encodings':
      '58 64000161 000000090000000100000000 6a 58 770161 000000090000000100000000 6a',
    'a fun': `${foreignSamples.NEW_FUN_EXT?.hex} 6a ${foreignSamples.NEW_FUN_EXT?.hex} 6a`,
    'a fun of the old encoding': `${foreignSamples.FUN_EXT?.hex} 6a ${foreignSamples.FUN_EXT?.hex} 6a`,
    'a binary and a bit string that fills it': '6d0000000180 6a 4d0000000108 80 6a',
    'a bit string whose unused bits differ': '4d0000000101 80 6a 4d0000000101 ff 6a',
    'an improper list': '6c00000001 6101 6102 6a 6c00000001 6101 6102 6a',
    'an empty list in two encodings': '6a 6a 6b0000 6a',
    'a small tuple and a large one of the same elements': '6801 6101 6a 6900000001 6101 6a',
    'an export in two encodings': '71 64000161 64000162 6101 6a 71 770161 770162 62 00000001 6a',
  };
  for (const [name, pairs] of Object.entries(sameKeys)) {
    test(`refuses a map with a duplicate key: ${name}`, () => {
      assert.throws(() => read(`74 00000002 ${pairs}`), { reason: 'duplicate_key' });
    });
  }
});
