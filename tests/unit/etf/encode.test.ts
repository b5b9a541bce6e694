import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  atom,
  decode,
  elementOffsets,
  encode,
  encodeFragment,
  equal,
  Foreign,
  ImproperList,
  isAtom,
  listElements,
  listOf,
  openMessage,
  type Term,
  Tuple,
  tuple,
  tupleArity,
} from '../../../src/etf/index.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('encode', () => {
  const writings: Record<string, [Term, string]> = {
    'an atom as ATOM_EXT': [atom('get'), '64 0003 676574'],
    'a Latin-1 atom as ATOM_EXT': [atom('é'), '64 0001 e9'],
    'another atom as SMALL_ATOM_UTF8_EXT': [atom('ім'), '77 04 d196d0bc'],
    'a list of bytes as STRING_EXT': [[1, 2, 255], '6b 0003 0102ff'],
    'a list of more than bytes as LIST_EXT': [[1, 256], '6c 00000002 6101 62 00000100 6a'],
    'the empty list as NIL_EXT': [[], '6a'],
    'an improper list': [new ImproperList([1], 2), '6c 00000001 6101 6102'],
    'a bigint that is small as an integer': [5n, '61 05'],
    'a negative zero as zero': [-0, '61 00'],
  };
  for (const [name, [term, bytes]] of Object.entries(writings)) {
    test(`writes ${name}`, () => {
      assert.deepEqual(encodeFragment(term), hex(bytes));
      assert.deepEqual(encode(term), hex(`83 ${bytes}`));
    });
  }

  test('writes an atom of more than 255 bytes as ATOM_UTF8_EXT', () => {
    assert.deepEqual(encodeFragment(atom('я'.repeat(128))).subarray(0, 3), hex('76 0100'));
  });

  test('refuses numbers that are not Erlang integers', () => {
    for (const number of [1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
      assert.throws(() => encode(tuple(number)), RangeError);
    }
  });

  test('continues normally after a term that it refused', () => {
    assert.throws(() => encode(tuple(1, 1.5)), RangeError);
    assert.deepEqual(encode(tuple(1)), hex('83 6801 6101'));
  });

  test('never changes bytes that it returned before', () => {
    const sizes = Array.from({ length: 3_000 }, (_, index) => (index * 37) % 2_000);
    const given = sizes.map((size, index) => encode(Buffer.alloc(size, index)));
    const large = encode(Buffer.alloc(1_000_000, 7));
    const after = encode(atom('get'));
    for (const [index, size] of sizes.entries()) {
      assert.ok(equal(decode(given[index]!), Buffer.alloc(size, index)));
    }
    assert.ok(
      equal(
        decode(large, { payloadBytes: 2e6, nesting: 1, elements: 1, inflatedBytes: 1 }),
        Buffer.alloc(1_000_000, 7),
      ),
    );
    assert.deepEqual(after, hex('83 64 0003 676574'));
    assert.ok(after.buffer !== large.buffer, 'a short message keeps a long one alive');
  });
});

describe('terms', () => {
  test('atoms have at most 255 characters of well-formed Unicode', () => {
    assert.equal(atom('я'.repeat(255)).name.length, 255);
    assert.equal([...atom('😀'.repeat(255)).name].length, 255);
    for (const name of ['a'.repeat(256), 'я'.repeat(256), '\ud800', 'a\udc00b']) {
      assert.throws(() => atom(name), RangeError);
    }
  });

  test('isAtom recognizes atoms, and the one of a name', () => {
    assert.ok(
      isAtom(atom('get')) && isAtom(atom('get'), 'get') && isAtom(decode(hex('83 77 03 676574')), 'get'),
    );
    assert.ok(!isAtom(atom('get'), 'set') && !isAtom(Buffer.from('get'), 'get') && !isAtom(undefined));
  });

  test('equal compares by value', () => {
    const same: [Term, Term][] = [
      [5, 5n],
      [Buffer.from('a'), Uint8Array.of(97)],
      [tuple(atom('x1'), [1]), new Tuple([atom('x1'), [1]])],
      [new Foreign(hex('7400000000')), new Foreign(hex('7400000000'))],
    ];
    for (const [a, b] of same) assert.ok(equal(a, b) && equal(b, a));
    const different: [Term, Term][] = [
      [5, 6n],
      [5n, atom('5')],
      [[], tuple()],
      [[1], new ImproperList([1], 1)],
      [[1], [1, 2]],
      [Buffer.from('a'), [97]],
      [atom('a'), Buffer.from('a')],
      [tuple(1), tuple(2)],
      [new Foreign(hex('7400000000')), hex('7400000000')],
    ];
    for (const [a, b] of different) assert.ok(!equal(a, b) && !equal(b, a));
  });
});

describe('fragments', () => {
  const profile = openMessage(hex('83 69 00000003 640003676574 6c 00000001 6a 6a 6101'));

  test('offsets are found in a large tuple too, as far as there is room for them', () => {
    const all = new Int32Array(4);
    assert.equal(elementOffsets(profile, 0, all), 3);
    assert.deepEqual([...all], [5, 11, 18, 20]);
    const two = new Int32Array(2);
    assert.equal(elementOffsets(profile, 0, two), 3);
    assert.deepEqual([...two], [5, 11]);
  });

  test('a tuple inside another one is read in place', () => {
    const outer = openMessage(hex('83 6802 6101 6802 6102 6103'));
    const offsets = new Int32Array(3);
    assert.equal(elementOffsets(outer, 4, offsets), 2);
    assert.deepEqual([...offsets], [6, 8, 10]);
    assert.equal(tupleArity(outer), 2);
  });

  test('a list in pieces returns all its elements', () => {
    const list = openMessage(hex('83 6c 00000001 6101 6c 00000001 6a 6b 0002 0203'));
    assert.deepEqual(
      listElements(list)?.map((element) => Buffer.from(element).toString('hex')),
      ['6101', '6a', '6102', '6103'],
    );
  });

  test('a list with a tail returns no elements', () => {
    assert.equal(listElements(openMessage(hex('83 6c 00000001 6101 6102'))), undefined);
  });

  test('lists of 65,535 and 65,536 bytes are built as encode writes them', () => {
    for (const length of [65_535, 65_536]) {
      const elements = new Array<Term>(length).fill(7);
      assert.deepEqual(listOf(elements.map(encodeFragment)), encodeFragment(elements));
    }
  });
});
