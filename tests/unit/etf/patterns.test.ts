import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Term } from '../../../src/etf/index.ts';
import { type Bindings, fill, match, readPattern } from '../../../src/etf/patterns.ts';
import { parse, print } from '../../../src/etf/text.ts';

const nothing: Bindings = new Map();
const matches = (pattern: string, term: string, bindings = nothing): Bindings | undefined =>
  match(readPattern(pattern), parse(term), bindings);

test('a pattern without variables matches the same term and no other', () => {
  const term = `{'Profile',<<"380501112233">>,[],[{'Feature',[],<<"LANG">>,<<"uk">>,[]}],-5,online,"abc",#{a => 1}}`;
  assert.ok(matches(term, term));
  for (const [from, to] of [
    [`'Profile'`, `'Roster'`],
    ['233">>', '234">>'],
    ['[],[{', '0,[{'],
    ['uk', 'en'],
    ['-5', '5'],
    ['online', 'offline'],
    ['"abc"', '"abcd"'],
    ['a => 1', 'a => 2'],
    ['online,', ''],
  ] as const) {
    assert.equal(matches(term, term.replace(from, to)), undefined, `${from} is not ${to}`);
  }
});

test('a tuple is not a list, and neither matches one element more or less', () => {
  assert.equal(matches('{a,b}', '[a,b]'), undefined);
  assert.equal(matches('[a,b]', '{a,b}'), undefined);
  assert.equal(matches('{a,_}', '{a}'), undefined);
  assert.equal(matches('{a,_}', '{a,b,c}'), undefined);
  assert.equal(matches('[_]', '[]'), undefined);
});

test('a variable stands for one term wherever it is repeated', () => {
  const bindings = matches('{Time,[Time],Other}', '{1700000000000,[1700000000000],x}');
  assert.deepEqual(
    [...(bindings ?? [])].map(([name, term]) => [name, print(term)]),
    [
      ['Time', '1700000000000'],
      ['Other', 'x'],
    ],
  );
  assert.equal(matches('{Time,Time}', '{1,2}'), undefined);
  assert.equal(matches('Time', '2', new Map<string, Term>([['Time', 1]])), undefined);
});

test('an underscore matches anything, and different terms in each place', () => {
  assert.ok(matches('{_,_,_}', '{1,[a],<<"b">>}'));
  assert.deepEqual(matches('{_,_}', '{1,2}'), nothing);
});

test('text that only looks like a variable is not one', () => {
  assert.equal(matches(`{'Time',<<"Time">>,not_Time}`, `{'Time',<<"Time">>,not_Time}`)?.size, 0);
  assert.equal(matches(`'Time'`, '1'), undefined);
});

test('a pattern is filled with the terms of its variables', () => {
  const bindings = new Map<string, Term>([['Code', Buffer.from('123456')]]);
  assert.equal(print(fill(readPattern(`{'Service',[Code],x}`), bindings)), `{'Service',[<<"123456">>],x}`);
  assert.throws(() => fill(readPattern('{Unknown}'), bindings), /Unknown/);
});
