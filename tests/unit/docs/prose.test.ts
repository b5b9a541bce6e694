/** The rules of `npm run prose`: each finds what it is there for, and nothing in a page that keeps them. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { profilectlCommands } from '../../../dev/prose/profilectl.ts';
import {
  anchorOf,
  findCommands,
  findFigures,
  findLinks,
  findLongLines,
  findSentences,
  findWords,
  type Tree,
} from '../../../dev/prose/rules.ts';
import { commentsOf, helpsOf, proseOf, sentencesOf, wordsOf } from '../../../dev/prose/text.ts';
import { wrap } from '../../../dev/prose/wrap.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const lines = (found: readonly { readonly line: number }[]): number[] => found.map(({ line }) => line);

test('prose is what stands outside code, a cell of a table and an item of a list alone', () => {
  const page =
    '# A heading\n\nOne `lane` and\n[two](x.md).\n\n```sh\nlane\n```\n\n- an item\n- another\n\n| a cell | b |\n';
  assert.deepEqual(proseOf(page), [
    { line: 1, text: 'A heading' },
    { line: 3, text: 'One Code and two.' },
    { line: 10, text: 'an item' },
    { line: 11, text: 'another' },
    { line: 13, text: 'a cell' },
    { line: 13, text: 'b' },
  ]);
});

test('private words are found in prose, and not in code', () => {
  const found = findWords(
    proseOf('The heir works it off.\n\n`heir:` is a key.\n\nOne turn of the event loop.\n'),
  );
  assert.deepEqual(lines(found), [1]);
  assert.match(found[0]?.what ?? '', /session takeover/);
});

test('a sentence may be long where nine of ten are short', () => {
  const words = (count: number): string => `${'word '.repeat(count - 1)}end.`;
  const short = Array.from({ length: 20 }, () => words(10));
  const page = (...sentences: string[]) => proseOf(sentences.join('\n\n'));
  assert.deepEqual(findSentences(page(...short, words(30))), []);
  assert.equal(findSentences(page(...short, words(41))).length, 1);
  assert.equal(findSentences(page(words(10), words(30), words(31))).length, 2);
  assert.equal(wordsOf('It takes 3 ms – no more.'), 6);
  assert.equal(sentencesOf('It costs 0.4 s. It ends.').length, 2);
});

test('dead links are found, to files and to headings', () => {
  const page =
    '[a](delivery.md) [b](nowhere.md)\n[c](#here) [d](#there)\n\n`[e](nowhere.md)`\n\n# Here\n[f](https://x.example)';
  // `#here` and `#there` are looked for in the page as it is stored.
  assert.deepEqual(
    findLinks(root, 'docs/tutorial.md', page).map(({ what }) => what),
    [
      'no file docs/nowhere.md',
      'no heading #here in docs/tutorial.md',
      'no heading #there in docs/tutorial.md',
    ],
  );
  assert.equal(anchorOf('Who is `asking`, [and](x.md) why?'), 'who-is-asking-and-why');
});

test('commands, options and files that are not there are found', () => {
  const source = readFileSync(`${root}src/cli/session.ts`, 'utf8');
  const tree: Tree = {
    root,
    scripts: new Set(['dev']),
    commands: profilectlCommands([source]),
    invented: new Set(['src/handlers/brief.ts']),
  };
  const found = findCommands(
    tree,
    [
      '`npm run dev` and `npm run nothing`',
      '`profilectl session add --client x` and `profilectl session add --nothing`',
      '`profilectl nothing`; profilectl is a program.',
      '`src/main.ts`, `src/nothing.ts`, `src/handlers/brief.ts`',
    ].join('\n'),
  );
  assert.deepEqual(lines(found), [1, 2, 3, 4]);
});

test('a section with measured figures names its command', () => {
  const page = '# Costs\n\n## Reads\nA read takes 3 ms.\n\n## Writes\n`npm run bench`: a write takes 3 ms.\n';
  assert.deepEqual(lines(findFigures(page, true)), [3]);
  assert.deepEqual(findFigures(page, false), []);
  assert.equal(findFigures('# Limits\n\nWe measured 3 ms.\n', false).length, 1);
});

test('of comments the first sentence is read, of commands their help', () => {
  const source =
    '/**\n * First one. Second.\n * @param x - no.\n */\nconst a = 1; // not read\n// Whole\n// sentence.\n';
  assert.deepEqual(commentsOf(source), [
    { line: 1, text: 'First one.' },
    { line: 6, text: 'Whole sentence.' },
  ]);
  assert.deepEqual(commentsOf('-- Of Lua.\n', true), [{ line: 1, text: 'Of Lua.' }]);
  const command = "x.description('what it does').option('--a <b>', 'what it is for');";
  assert.deepEqual(
    helpsOf(command).map(({ text }) => text),
    ['what it does', 'what it is for'],
  );
});

test('long lines are broken, and what cannot be broken stays', () => {
  const page = '- an item of four words\n  goes on\n\n`a b c d e f g h i`\n\n| a table of many words |\n';
  assert.equal(
    wrap(page, 12),
    '- an item of\n  four words\n  goes on\n\n`a b c d e f g h i`\n\n| a table of many words |\n',
  );
  assert.equal(wrap('one two three\nfour\n', 8), 'one two\nthree\nfour\n');
});

test('a line is too long if it can be broken, and the finding names the command that does', () => {
  const long = 'word '.repeat(24);
  assert.equal(long.length, 120);
  assert.deepEqual(findLongLines(`${long.trim()}\n| ${long} |\n\`${long}\`\n`), []);
  const [found, ...others] = findLongLines(`short\n${long}ends\n`);
  assert.deepEqual([found?.line, others], [2, []]);
  assert.match(found?.what ?? '', /^124 .* npm run prose -- --wrap/);
});
