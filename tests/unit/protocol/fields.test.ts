import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atom } from '../../../src/etf/index.ts';
import { canonical, isUnset, readAtom, readInteger, readText } from '../../../src/protocol/fields.ts';
import { atomEncodings, foreignTerms, fragment, raw } from './bytes.ts';

for (const [encoding, term] of atomEncodings('online')) {
  test(`an atom is read from ${encoding}`, () => {
    assert.equal(readAtom(fragment(term)), 'online');
  });

  test(`an atom in ${encoding} becomes ATOM_EXT`, () => {
    assert.deepEqual(canonical(fragment(term)), fragment(raw(100, 0, 6, ...Buffer.from('online'))));
  });
}

test('an atom that is not Latin-1 stays UTF-8', () => {
  const name = [...Buffer.from('привіт')];
  assert.equal(readAtom(fragment(raw(118, 0, 12, ...name))), 'привіт');
  assert.deepEqual(canonical(fragment(raw(118, 0, 12, ...name))), fragment(raw(119, 12, ...name)));
});

test('atoms within lists and tuples become ATOM_EXT too', () => {
  const small = raw(108, 0, 0, 0, 1, 104, 1, 115, 2, 111, 107, 106);
  assert.deepEqual(canonical(fragment(small)), fragment([raw(104, 1, 100, 0, 2, 111, 107)]));
});

test('a term that is not an atom has no name', () => {
  for (const value of ['online', 1, [], [1]]) assert.equal(readAtom(fragment(value)), undefined);
});

/** `[]` in all its encodings. */
const emptyLists = [
  [],
  raw(107, 0, 0),
  raw(108, 0, 0, 0, 0, 106),
  raw(108, 0, 0, 0, 0, 107, 0, 0),
  raw(108, 0, 0, 0, 0, 108, 0, 0, 0, 0, 106),
];

test('[] is unset, and so is undefined in each encoding', () => {
  for (const empty of emptyLists) assert.ok(isUnset(fragment(empty)));
  for (const [, term] of atomEncodings('undefined')) assert.ok(isUnset(fragment(term)));
  const endsOtherwise = raw(108, 0, 0, 0, 0, 107, 0, 1, 7);
  for (const value of ['', 'undefined', 0, atom('null'), [1], endsOtherwise])
    assert.ok(!isUnset(fragment(value)));
});

test('undefined becomes []', () => {
  for (const [, term] of atomEncodings('undefined'))
    assert.deepEqual(canonical(fragment(term)), fragment([]));
});

test('[] and undefined are the number 0, as JavaScript clients send it', () => {
  for (const empty of emptyLists) assert.equal(readInteger(fragment(empty)), 0);
  assert.equal(readInteger(fragment(atom('undefined'))), 0);
});

test('an integer is read in all its encodings, with its sign', () => {
  assert.equal(readInteger(fragment(raw(97, 200))), 200);
  assert.equal(readInteger(fragment(raw(98, 0xff, 0xff, 0xff, 0xfb))), -5);
  assert.equal(readInteger(fragment(raw(110, 1, 1, 5))), -5);
  assert.equal(readInteger(fragment(raw(111, 0, 0, 0, 1, 0, 5))), 5);
});

test('a time in milliseconds is exact', () => {
  assert.equal(readInteger(fragment(1_700_000_000_123)), 1_700_000_000_123);
});

test('an integer past 2^53 is exact', () => {
  assert.equal(readInteger(fragment(2n ** 60n + 1n)), 2n ** 60n + 1n);
});

test('a term that is not an integer is none', () => {
  for (const value of ['1', atom('one'), [1], foreignTerms['a float'] ?? []]) {
    assert.equal(readInteger(fragment(value)), undefined);
  }
});

test('a text is a binary of UTF-8, or a list of characters, also of more than a byte each', () => {
  assert.equal(readText(fragment('привіт')), 'привіт');
  assert.equal(readText(fragment([1087, 1088, 128512])), 'пр😀');
  assert.equal(readText(fragment(raw(107, 0, 2, 104, 105))), 'hi');
  assert.equal(readText(fragment([])), '');
});

test('a term that is not text is none', () => {
  const values = [1, atom('a'), [-1], [0x110000], [[97]], Uint8Array.of(0xff), foreignTerms['a map'] ?? []];
  for (const value of values) assert.equal(readText(fragment(value)), undefined);
});

test('a byte order mark is part of a text', () => {
  assert.equal(readText(fragment('\uFEFFa')), '\uFEFFa');
});

for (const name of [
  'a map',
  'a float',
  'an old float',
  'a bit string',
  'a pid',
  'a reference',
  'an exported fun',
]) {
  test(`${name} keeps its bytes`, () => {
    const term = foreignTerms[name] ?? [];
    assert.deepEqual(Buffer.from(canonical(fragment(term))), Buffer.from(fragment(term)));
    assert.deepEqual(Buffer.from(canonical(fragment([1, term]))), Buffer.from(fragment([1, term])));
  });
}
