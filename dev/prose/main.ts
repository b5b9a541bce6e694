// `npm run check` reads the documents, the first sentences of comments and the help texts:
// private words, long sentences and lines, dead links, commands that are not there, figures without a command.
// `-- --summary` also counts words and sentences of each page; `-- --wrap` breaks long lines first.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { lint } from 'markdownlint/promise';
import { profilectlCommands } from './profilectl.ts';
import {
  type Finding,
  findCommands,
  findFigures,
  findLinks,
  findLongLines,
  findSentences,
  findWords,
  type Tree,
} from './rules.ts';
import { commentsOf, helpsOf, type Prose, percentile, proseOf, sentencesOf, wordsOf } from './text.ts';
import { limits } from './words.ts';
import { wrap } from './wrap.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8');
const list = (folder: string, end: RegExp, recursive = true): string[] =>
  readdirSync(`${root}${folder}`, { recursive, encoding: 'utf8' })
    .map((file) => `${folder}${file}`)
    .filter((path) => end.test(path) && !/node_modules|golden/.test(path))
    .sort();

const pages = [
  ...list('', /\.md$/, false),
  ...list('docs/', /\.md$/, false),
  ...list('mosquitto/', /\.md$/),
  ...list('src/', /\.md$/),
];
/** Its entries say what changed in the words of their time. */
const isHistory = (page: string): boolean => page === 'CHANGELOG.md';
const measured = new Set(['docs/performance.md', 'docs/scaling.md']);
const sources = ['src/', 'dev/', 'bench/', 'page/src/', 'tests/'];

const tree: Tree = {
  root,
  scripts: new Set([...Object.keys(JSON.parse(read('package.json')).scripts), 'x']),
  commands: profilectlCommands(list('src/cli/', /\.ts$/).map(read)),
  invented: new Set([
    'src/handlers/brief.ts',
    'tests/system/requests/brief.test.ts',
    'tests/unit/services/mail/polish.test.ts',
  ]),
};

if (process.argv.includes('--wrap')) {
  for (const page of pages.filter((one) => !isHistory(one))) {
    const text = wrap(read(page), limits.lineLength);
    if (text !== read(page)) writeFileSync(`${root}${page}`, text);
  }
}

let count = 0;
function report(file: string, findings: readonly Finding[]): void {
  count += findings.length;
  for (const { line, what } of findings) console.log(`${file}:${line}  ${what}`);
}

function summarize(name: string, prose: readonly Prose[]): void {
  const lengths = prose.flatMap(({ text }) => sentencesOf(text).map(wordsOf));
  const long = lengths.filter((words) => words > limits.sentenceWords).length;
  const sum = lengths.reduce((total, words) => total + words, 0);
  console.log(
    `${name}: ${sum} words, ${long} of ${lengths.length} sentences over ${limits.sentenceWords}, p90 ${percentile(lengths, 0.9)}`,
  );
}

const withFigures = process.argv.includes('--summary');
const all: Prose[] = [];
for (const page of pages.filter((one) => !isHistory(one))) {
  const markdown = read(page);
  const prose = proseOf(markdown);
  all.push(...prose);
  if (withFigures) summarize(page, prose);
  report(page, [
    ...findWords(prose),
    ...findSentences(prose),
    ...findLinks(root, page, markdown),
    ...findCommands(tree, markdown),
    ...findLongLines(markdown),
    ...findFigures(markdown, measured.has(page)),
  ]);
}
if (withFigures) summarize('all pages', all);

const config = {
  default: false,
  MD001: true, // levels of headings rise by one
  MD009: true, // trailing spaces
  MD011: true, // reversed links
  MD042: true, // empty links
  MD045: true, // pictures with a text
};
for (const [page, faults] of Object.entries(
  await lint({ strings: Object.fromEntries(pages.map((page) => [page, read(page)])), config }),
)) {
  report(
    page,
    faults.map(({ lineNumber, ruleDescription, errorDetail }) => ({
      line: lineNumber,
      what: `${ruleDescription} ${errorDetail ?? ''}`,
    })),
  );
}

for (const folder of sources) {
  const lengths: number[] = [];
  for (const file of list(folder, /\.(?:tsx?|mjs|lua)$/)) {
    const prose = [...commentsOf(read(file), file.endsWith('.lua')), ...helpsOf(read(file))];
    lengths.push(...prose.map(({ text }) => wordsOf(text)));
    if (!file.startsWith('dev/prose/')) report(file, findWords(prose));
    report(
      file,
      prose
        .filter(({ text }) => wordsOf(text) > limits.longestSentence)
        .map(({ line, text }) => ({ line, what: `a sentence of ${wordsOf(text)} words` })),
    );
  }
  const most = percentile(lengths, 0.9);
  if (most > limits.sentenceWords)
    report(folder, [{ line: 0, what: `nine of ten comments begin with up to ${most} words` }]);
}

if (count > 0) console.log(`${count} findings; the words and limits stand in dev/prose/words.ts`);
process.exitCode = count > 0 ? 1 : 0;
