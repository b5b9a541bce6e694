import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { decode, encode, equal, messageOf, openMessage, print, type Term } from '../../../src/etf/index.ts';

/** Erlang's term_to_binary for a table of terms; golden/make.escript writes it. */
interface Vector {
  readonly name: string;
  readonly options: string;
  readonly message: Buffer;
  readonly text: string;
}

const vectors: Vector[] = readFileSync(new URL('golden/vectors.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => {
    const [name = '', options = '', hex = '', text = ''] = line.split('\t');
    return { name, options, message: Buffer.from(hex, 'hex'), text };
  });

/** Contains a map, a float, a bit string or a fun: carried unchanged, in any version of the format. */
const carried = new Set(['bit strings', 'floats', 'maps', 'export']);

describe('messages of Erlang/OTP', () => {
  test('there are 24 terms in 6 encodings', () => {
    assert.equal(vectors.length, 24 * 6);
  });

  for (const { name, options, message, text } of vectors) {
    test(`${name}, ${options}: reads as Erlang prints it`, () => {
      assert.equal(print(decode(message)), text);
      assert.ok(equal(decode(messageOf(openMessage(message))), decode(message)));
    });
  }

  for (const { name, message, options } of vectors) {
    if (options !== 'minor_version_1' && options !== 'deterministic') continue;
    test(`${name}, ${options}: is written as Erlang writes it`, () => {
      assert.deepEqual(encode(decode(message)), message);
    });
  }

  test('all encodings of a term are one term', () => {
    const byName = new Map<string, Term>();
    for (const { name, message } of vectors) {
      const term = decode(message);
      if (!carried.has(name)) assert.ok(equal(byName.get(name) ?? term, term), name);
      byName.set(name, term);
    }
  });
});
