/** The text of any term reads back as that term in each form. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  atom,
  decode,
  defaultLimits,
  encode,
  equal,
  Foreign,
  float,
  ImproperList,
  map,
  parse,
  print,
  readForeign,
  type Term,
  Tuple,
} from '../../../../src/etf/index.ts';
import { requestKinds } from '../../../../src/handlers/index.ts';
import { printBriefly, printLines, printRecords } from '../../../../src/qa/formats/erlang-lines.ts';
import { explain } from '../../../../src/qa/formats/explain.ts';
import { readJson } from '../../../../src/qa/formats/json-read.ts';
import { toJson } from '../../../../src/qa/formats/json-write.ts';
import { readFormat } from '../../../../src/qa/formats/read.ts';
import { makeRecord, type RecordName, records } from '../../../../src/qa/formats/record-fields.ts';
import { writeFormat } from '../../../../src/qa/formats/write.ts';
import { mutations, terms } from '../../etf/arbitrary.ts';

/** Records of the protocol with anything in their fields, one in the other; a `'Profile'` of 8 elements too. */
const recordTerms: fc.Arbitrary<Term> = fc
  .array(
    fc.tuple(
      fc.constantFrom(...(Object.keys(records) as RecordName[])),
      fc.array(fc.option(terms, { freq: 2 }), { minLength: 14, maxLength: 14 }),
      fc.boolean(),
    ),
    { minLength: 1, maxLength: 4 },
  )
  .map((layers) =>
    layers.reduce<Term>((inner, [name, values, isInList]) => {
      const fields = records[name];
      const all = new Map<string, Term>();
      for (const [index, { name: field, holds }] of fields.entries()) {
        const value = values[index];
        if (value !== null && value !== undefined) all.set(field, value);
        if (typeof holds === 'object') all.set(field, isInList ? [inner, 7] : inner);
      }
      const record = makeRecord(name, all);
      return isInList && name === 'Profile' ? new Tuple(record.elements.toSpliced(7, 1)) : record;
    }, []),
  );

const anyTerms = fc.oneof({ weight: 2, arbitrary: terms }, { weight: 1, arbitrary: recordTerms });

/** Floats from text have one encoding. */
function normal(term: Term): Term {
  if (term instanceof Tuple) return new Tuple(term.elements.map(normal));
  if (term instanceof ImproperList) return new ImproperList(term.elements.map(normal), normal(term.tail));
  if (Array.isArray(term)) return term.map(normal);
  if (!(term instanceof Foreign)) return term;
  const value = readForeign(term);
  if (value.kind === 'float') return float(value.value);
  return value.kind === 'map' ? map(value.pairs.map(([key, item]) => [normal(key), normal(item)])) : term;
}

const requests = fc
  .tuple(fc.array(anyTerms, { minLength: 7, maxLength: 7 }), fc.constantFrom('get', 'set', 'phone', 'dance'))
  .map(([fields, status]) => new Tuple([atom('Profile'), ...fields, atom(status)]));

const sameTerm = (term: Term, back: Term, text: unknown): void =>
  assert.ok(equal(normal(back), normal(term)), `${print(back)}\n${print(term)}\n${text}`);

test('a term written with one element a line reads back as the same term', () => {
  fc.assert(
    fc.property(anyTerms, (term) => {
      const text = printLines(term);
      sameTerm(term, parse(text), text);
    }),
    { numRuns: 3_000 },
  );
});

test('a term written with named records reads back as the same term, also on one line', () => {
  fc.assert(
    fc.property(anyTerms, (term) => {
      for (const text of [printRecords(term), printBriefly(term, 2 ** 20)])
        sameTerm(term, parse(text, { records }), text);
      assert.ok(printBriefly(term, 60).length <= 60);
    }),
    { numRuns: 3_000 },
  );
});

test('a term written as JSON reads back as the same term', () => {
  fc.assert(
    fc.property(anyTerms, (term) => {
      const text = JSON.stringify(toJson(term));
      sameTerm(term, readJson(text), text);
    }),
    { numRuns: 3_000 },
  );
});

for (const format of ['etf', 'erlang', 'json', 'hex', 'base64'] as const) {
  test(`a request written as ${format} is recognized as that, and reads back as the same term`, () => {
    fc.assert(
      fc.property(
        requests,
        fc.constantFrom('', '\uFEFF', '\n \t'),
        fc.constantFrom('', '.', ' .\n', '\r\n'),
        (term, before, after) => {
          const written = writeFormat(encode(term), format);
          const isText = format !== 'etf';
          const payload = isText ? Buffer.from(`${before}${written}${after}`) : written;
          // A longer text is refused as that.
          fc.pre(payload.length <= defaultLimits.payloadBytes);
          const result = readFormat(payload, defaultLimits);
          assert.deepEqual([result.format, result.reason], [format, undefined], String(payload));
          sameTerm(term, decode(result.message ?? Buffer.alloc(0)), payload);
        },
      ),
      { numRuns: 600 },
    );
  });
}

test('a string of 200,000 characters is written as JSON and reads back', () => {
  const term: Term = new Array<number>(200_000).fill(97);
  assert.ok(equal(readJson(JSON.stringify(toJson(term))), term));
});

test('any bytes are read or get a sentence with the cause', () => {
  const payloads = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ maxLength: 200, unit: 'binary' }).map((text) => Buffer.from(text)),
    fc
      .string({ maxLength: 60, unit: fc.constantFrom(...'{}[]<<>>"\',:|#=.0189afg \n') })
      .map((text) => Buffer.from(text)),
    fc.tuple(requests, mutations).map(([term, mutate]) => Buffer.from(mutate(Buffer.from(printLines(term))))),
    fc
      .tuple(requests, mutations)
      .map(([term, mutate]) => Buffer.from(mutate(Buffer.from(JSON.stringify(toJson(term)))))),
  );
  let unread = 0;
  fc.assert(
    fc.property(payloads, (payload) => {
      const { message, reason } = readFormat(payload, defaultLimits);
      if (message === undefined) {
        assert.match(reason, /\S/);
        unread++;
      } else if (message !== payload) explain(message, defaultLimits, requestKinds);
    }),
    { numRuns: 3_000 },
  );
  assert.ok(unread > 500, `only ${unread} were not readable`);
});
