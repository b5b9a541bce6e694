import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import {
  decode,
  decodeFragment,
  EtfError,
  EtfTextError,
  elementOffsets,
  encode,
  encodeFragment,
  equal,
  Foreign,
  ImproperList,
  listElements,
  listOf,
  messageOf,
  openMessage,
  parse,
  print,
  skipTerm,
  type Term,
  Tuple,
  tupleArity,
  tupleElements,
  tupleOf,
} from '../../../src/etf/index.ts';
import { mutations, terms } from './arbitrary.ts';
import { foreignSamples } from './foreign-samples.ts';

/** Terms with pids, references, funs and all other foreign parts. */
const carriers: fc.Arbitrary<Term> = fc
  .array(
    fc.constantFrom(...Object.values(foreignSamples).map(({ hex }) => new Foreign(Buffer.from(hex, 'hex')))),
    { minLength: 1, maxLength: 3 },
  )
  .map((elements) => new Tuple(elements));

const runs = { numRuns: 3_000 };

describe('for every term', () => {
  test('the written term reads back as the same term', () => {
    fc.assert(
      fc.property(terms, (term) => {
        assert.ok(equal(decode(encode(term)), term));
        assert.ok(equal(decodeFragment(encodeFragment(term)), term));
      }),
      runs,
    );
  });

  test('writing a read term gives the same bytes', () => {
    fc.assert(
      fc.property(terms, (term) => {
        assert.deepEqual(encode(decode(encode(term))), encode(term));
      }),
      runs,
    );
  });

  test('a compressed term reads as the same term', () => {
    fc.assert(
      fc.property(terms, (term) => {
        assert.ok(equal(decode(compressed(encodeFragment(term))), term));
      }),
      { numRuns: 500 },
    );
  });

  test('a message opens to the fragment, which ends where skipping it ends', () => {
    fc.assert(
      fc.property(terms, (term) => {
        const fragment = openMessage(encode(term));
        assert.deepEqual(Buffer.from(fragment), encodeFragment(term));
        assert.deepEqual(messageOf(fragment), encode(term));
        assert.equal(skipTerm(fragment, 0), fragment.length);
      }),
      runs,
    );
  });

  test('a tuple or list made from fragments is the encoded tuple or list', () => {
    fc.assert(
      fc.property(fc.array(terms, { maxLength: 20 }), (elements) => {
        const fragments = elements.map(encodeFragment);
        assert.deepEqual(tupleOf(fragments), encodeFragment(new Tuple(elements)));
        assert.deepEqual(listOf(fragments), encodeFragment(elements));
      }),
      runs,
    );
  });

  test('the parts of a tuple or list are the encoded elements, and anything else has none', () => {
    fc.assert(fc.property(terms, checkElements), runs);
  });

  test('the printed term reads back as the same term, on one line and on many', () => {
    fc.assert(
      fc.property(terms, (term) => {
        assert.ok(equal(parse(print(term)), term), print(term));
        assert.ok(equal(parse(print(term, { indent: true })), term), print(term, { indent: true }));
        assert.ok(!print(term).includes('\n'));
      }),
      runs,
    );
  });
});

function checkElements(term: Term): void {
  const fragment = encodeFragment(term);
  const offsets = new Int32Array(64);
  const arity = elementOffsets(fragment, 0, offsets);
  if (term instanceof Tuple) {
    const elements = tupleElements(fragment);
    assert.deepEqual(elements?.map(Buffer.from), term.elements.map(encodeFragment));
    assert.equal(arity, term.elements.length);
    assert.deepEqual(
      elements,
      elements?.map((_, index) => new Uint8Array(fragment.subarray(offsets[index], offsets[index + 1]))),
    );
    return;
  }
  assert.equal(tupleElements(fragment), undefined);
  assert.equal(tupleArity(fragment), -1);
  assert.equal(arity, -1);
  if (Array.isArray(term)) {
    assert.deepEqual(listElements(fragment)?.map(Buffer.from), term.map(encodeFragment));
  } else assert.equal(listElements(fragment), undefined, term instanceof ImproperList ? 'improper' : '');
}

function compressed(fragment: Uint8Array): Buffer {
  const head = Buffer.from([131, 80, 0, 0, 0, 0]);
  head.writeUInt32BE(fragment.length, 2);
  return Buffer.concat([head, deflateSync(fragment)]);
}

describe('for every damaged message', () => {
  test('decode and openMessage accept the same messages and refuse the others for the same reason', () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(fc.oneof(terms, carriers), mutations, fc.boolean(), (term, mutate, compress) => {
        const message = mutate(compress ? compressed(encodeFragment(term)) : encode(term));
        const outcome = outcomeOf(() => decode(message));
        assert.equal(
          outcomeOf(() => openMessage(message)),
          outcome,
        );
        if (outcome === 'accepted') checkAccepted(message);
        seen[outcome === 'accepted' ? 'accepted' : 'refused']++;
      }),
      { numRuns: 20_000 },
    );
    assert.ok(seen.accepted > 500 && seen.refused > 5_000, JSON.stringify(seen));
  });

  test('random bytes are refused or read, and nothing else happens', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const message = Buffer.concat([Buffer.of(131), bytes]);
        assert.equal(
          outcomeOf(() => openMessage(message)),
          outcomeOf(() => decode(message)),
        );
        outcomeOf(() => decode(bytes));
        outcomeOf(() => decodeFragment(bytes));
      }),
      { numRuns: 10_000 },
    );
  });

  test('changed text is refused with a position in it, or read', () => {
    fc.assert(
      fc.property(terms, mutations, (term, mutate) => {
        const text = Buffer.from(mutate(Buffer.from(print(term)))).toString('utf8');
        try {
          parse(text);
        } catch (error) {
          assert.ok(error instanceof EtfTextError, String(error));
          assert.ok(error.line >= 1 && error.line <= text.split('\n').length);
          assert.ok(error.column >= 1);
        }
      }),
      runs,
    );
  });
});

/** Accepted terms can also be split, printed and written. */
function checkAccepted(message: Uint8Array): void {
  const fragment = openMessage(message);
  assert.equal(skipTerm(fragment, 0), fragment.length);
  const term = decode(message);
  assert.ok(equal(decode(encode(term)), term));
  assert.ok(print(term).length > 0);
}

function outcomeOf(read: () => unknown): string {
  try {
    read();
    return 'accepted';
  } catch (error) {
    assert.ok(error instanceof EtfError, String(error));
    assert.ok(Number.isInteger(error.offset) && error.offset >= 0);
    return `${error.reason} at ${error.offset}`;
  }
}
