import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atom } from '../../../src/etf/index.ts';
import { readPresence } from '../../../src/protocol/presence.ts';
import { atomEncodings, fragment } from './bytes.ts';

test('a presence is an atom, kept as ATOM_EXT', () => {
  for (const [, term] of atomEncodings('online'))
    assert.deepEqual(readPresence(fragment(term)), fragment(atom('online')));
});

test('one that is not set is left out', () => {
  for (const term of [[], atom('undefined')]) assert.equal(readPresence(fragment(term)), undefined);
});

test('anything else, and one of more than 64 bytes, is refused', () => {
  for (const term of ['online', 1, [1], atom('x'.repeat(62)), atom('ї'.repeat(32))])
    assert.equal(readPresence(fragment(term)), 'invalid_data');
  for (const term of [atom('x'.repeat(61)), atom('ї'.repeat(31))])
    assert.deepEqual(readPresence(fragment(term)), fragment(term));
});
