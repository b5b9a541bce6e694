/** Reading dumps term by term: what every split of the bytes gives, and what damage gives. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { ByteSource } from '../../../src/cli/dump/byte-source.ts';
import { etfTerms, startsWithLength } from '../../../src/cli/dump/etf-terms.ts';
import { DumpFault, type DumpTerm } from '../../../src/cli/dump/term.ts';
import { textTerms } from '../../../src/cli/dump/text-terms.ts';
import {
  decodeFragment,
  encode,
  encodeFragment,
  Foreign,
  ImproperList,
  print,
  type Term,
  Tuple,
} from '../../../src/etf/index.ts';
import { mutations, terms } from '../etf/arbitrary.ts';

/** In pieces of at most so many bytes. */
async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** The terms as text; one that can't be read is `!`, a file that ends early has `!!` at its end. */
async function read(dump: AsyncIterable<DumpTerm>): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const term of dump) found.push(textOf(term));
  } catch (error) {
    if (!(error instanceof DumpFault)) throw error;
    found.push('!!');
  }
  return found;
}

function textOf(term: DumpTerm): string {
  assert.match(term.at, /^(line|byte) \d+/);
  try {
    return print(decodeFragment(term.read()));
  } catch (error) {
    assert.ok(error instanceof Error);
    return '!';
  }
}

const etf = (bytes: Buffer, size: number) => read(etfTerms(filled(bytes, size)));
const text = (bytes: Buffer, size: number) => read(textTerms(filled(bytes, size)));
const filled = (bytes: Buffer, size: number): ByteSource => new ByteSource(pieces(bytes, size));

/** Records are tuples; lists are taken apart, so a list alone is not compared here. */
const records = fc.array(
  terms.map((term) => new Tuple([1, term])),
  { maxLength: 6 },
);
const sizes = fc.integer({ min: 1, max: 300 });

const zipped = (term: Term): Buffer => {
  const bytes = Buffer.from(encodeFragment(term));
  const head = Buffer.of(131, 80, 0, 0, 0, 0);
  head.writeUInt32BE(bytes.length, 2);
  return Buffer.concat([head, deflateSync(bytes)]);
};

test('messages one behind the other, lists of them and compressed ones are the same terms, however the bytes come', async () => {
  await fc.assert(
    fc.asyncProperty(records, sizes, async (all, size) => {
      const expected = all.map((term) => print(term));
      assert.deepEqual(await etf(Buffer.concat(all.map((term) => encode(term))), size), expected);
      assert.deepEqual(await etf(encode(all), size), expected);
      assert.deepEqual(await etf(encode([all, [], all]), size), [...expected, ...expected]);
      const mixed = Buffer.concat([zipped(all), encode(all), zipped(all)]);
      assert.deepEqual(await etf(mixed, size), [...expected, ...expected, ...expected]);
    }),
    { numRuns: 60 },
  );
});

test('a length before each message is left out', async () => {
  const message = encode(new Tuple([1, 2]));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  const bytes = Buffer.concat([length, message, length, message]);
  const source = filled(bytes, 7);
  await source.fill(5);
  assert.ok(startsWithLength(source.bytes));
  assert.deepEqual(await read(etfTerms(source)), ['{1,2}', '{1,2}']);
});

/** Pids, ports, references and funs have no literal. */
const hasLiteral = (term: Term): boolean => {
  if (term instanceof Foreign) return false;
  if (Array.isArray(term)) return term.every(hasLiteral);
  if (term instanceof Tuple) return term.elements.every(hasLiteral);
  return term instanceof ImproperList ? [...term.elements, term.tail].every(hasLiteral) : true;
};

test('terms with a dot behind each, and a list of them, are the same terms, however the bytes come', async () => {
  const printed = records.filter((all) => all.every(hasLiteral)).map((all) => all.map((term) => print(term)));
  await fc.assert(
    fc.asyncProperty(printed, sizes, async (expected, size) => {
      const lines = expected.map((term) => `% a, comment.\n${term}.\n`).join('');
      assert.deepEqual(await text(Buffer.from(lines), size), expected);
      assert.deepEqual(await text(Buffer.from(lines.trimEnd()), size), expected);
      assert.deepEqual(await text(Buffer.from(`[${expected.join(',\n')}].`), size), expected);
    }),
    { numRuns: 60 },
  );
});

test('dots, commas and quotes inside of terms cut nothing', async () => {
  const lines = [
    `{$., $\\,, $", 'a. b', "c. \\" [d", 1.5, <<"e. ">>, #{a => [1,2]}}.`,
    `{'it''s'}.`,
    'f. {g}.',
  ].join(' ');
  for (let size = 1; size < lines.length; size++)
    assert.deepEqual(await text(Buffer.from(lines), size), [
      `{46,44,34,'a. b',"c. \\" [d",1.5,<<"e. ">>,#{a => [1,2]}}`,
      '!',
      'f',
      '{g}',
    ]);
});

test('a wrong term costs no other one, and is found by its line', async () => {
  const source = filled(Buffer.from('{a}.\n\n% b\n{b, }.\n[{c}, {d e},\n {f}]. {g}.\n'), 9);
  const found: [string, string][] = [];
  for await (const term of textTerms(source)) {
    let result: string;
    try {
      result = print(decodeFragment(term.read()));
    } catch (error) {
      result = (error as Error).message.replace(/: .*/, '');
    }
    found.push([term.at, result]);
  }
  assert.deepEqual(found, [
    ['line 1', '{a}'],
    ['line 4', 'line 4, column 5'],
    ['line 5', '{c}'],
    ['line 5', 'line 5, column 5'],
    ['line 6', '{f}'],
    ['line 6', '{g}'],
  ]);
});

test('Latin-1 is read if the file says so, or the caller', async () => {
  const line = Buffer.from('{<<"\xc3\x96">>,"\xd6"}.', 'latin1');
  const said = Buffer.concat([Buffer.from('%% coding: latin-1\n'), line]);
  assert.deepEqual(await text(said, 50), ['{<<"Ö"/utf8>>,"Ö"}']);
  assert.deepEqual(await read(textTerms(filled(line, 50), 'latin-1')), ['{<<"Ö"/utf8>>,"Ö"}']);
  assert.deepEqual(await text(line, 50), ['!']);
});

test('damaged bytes end a file or lose a term, and throw nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(records, mutations, sizes, async (all, mutate, size) => {
      const damaged = Buffer.from(mutate(encode(all)));
      await etf(damaged.length === 0 ? Buffer.of(131) : damaged, size);
      await text(Buffer.from(mutate(Buffer.from(`[${all.map((term) => print(term)).join(',')}].`))), size);
      await etf(Buffer.from(mutate(zipped(all))), size);
    }),
    { numRuns: 150 },
  );
});

test('no head makes the reader hold more than a term may have', async () => {
  const hostile = {
    tuple: Buffer.of(131, 105, 255, 255, 255, 255, 106),
    list: Buffer.of(131, 108, 255, 255, 255, 255, 106),
    binary: Buffer.of(131, 109, 255, 255, 255, 255),
    deep: Buffer.concat([Buffer.of(131), Buffer.alloc(300_000, Buffer.of(104, 1)), Buffer.of(106)]),
    lists: Buffer.concat([Buffer.of(131), Buffer.alloc(300_000, Buffer.of(108, 0, 0, 0, 1)), Buffer.of(106)]),
    'no zlib': Buffer.of(131, 80, 0, 0, 1, 0, 1, 2, 3),
    'cut zlib': zipped([1, 2, 3].map((value) => new Tuple([value]))).subarray(0, 12),
  };
  for (const [name, bytes] of Object.entries(hostile))
    assert.equal((await etf(bytes, 4_096)).at(-1), '!!', name);
  let read = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    yield Buffer.of(131, 109, 255, 255, 255, 255);
    for (; ; read++) yield Buffer.alloc(2 ** 20);
  }
  await assert.rejects(async () => {
    for await (const _ of etfTerms(new ByteSource(endless()))) assert.fail('this is no term');
  }, DumpFault);
  assert.ok(read <= 9, `${read} MiB`);
  read = 0;
  async function* unclosed(): AsyncGenerator<Buffer> {
    yield Buffer.from('"');
    for (; ; read++) yield Buffer.alloc(2 ** 20, 97);
  }
  await assert.rejects(async () => {
    for await (const _ of textTerms(new ByteSource(unclosed()))) assert.fail('this is no term');
  }, DumpFault);
  assert.ok(read <= 18, `${read} MiB`);
});
