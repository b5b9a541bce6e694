import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atom, ImproperList, type Term, tuple } from '../../../src/etf/index.ts';
import { readPresence } from '../../../src/protocol/presence.ts';
import { atomEncodings, foreignTerms, fragment } from './bytes.ts';

test('a presence is an atom, kept as ATOM_EXT', () => {
  for (const [, term] of atomEncodings('online'))
    assert.deepEqual(readPresence(fragment(term)), fragment(atom('online')));
});

test('a binary stays as it is', () => {
  for (const bytes of [Buffer.of(), Buffer.from('online'), Buffer.of(0, 255, 128), Buffer.alloc(59, 'x')])
    assert.deepEqual(readPresence(fragment(bytes)), fragment(bytes));
});

test('one that is not set is left out', () => {
  for (const term of [[], atom('undefined')]) assert.equal(readPresence(fragment(term)), undefined);
});

test('one of more than 64 bytes, with its head, is refused', () => {
  for (const term of ['x'.repeat(60), atom('x'.repeat(62)), atom('ї'.repeat(32))])
    assert.equal(readPresence(fragment(term)), 'invalid_data');
  for (const term of [atom('x'.repeat(61)), atom('ї'.repeat(31))])
    assert.deepEqual(readPresence(fragment(term)), fragment(term));
});

const others: Record<string, Term> = {
  'an integer': 1,
  'a list of characters': [111, 110],
  'an improper list': new ImproperList([1], 2),
  'a tuple': tuple(atom('online')),
  'a float': foreignTerms['a float'] ?? [],
  'a bit string': foreignTerms['a bit string'] ?? [],
};
for (const [name, term] of Object.entries(others))
  test(`${name} is no presence`, () => assert.equal(readPresence(fragment(term)), 'invalid_data'));
