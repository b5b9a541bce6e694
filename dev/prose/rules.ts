import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { type Prose, percentile, plain, sectionsOf, sentencesOf, wordsOf } from './text.ts';
import { banned, limits } from './words.ts';
import { wrap } from './wrap.ts';

/** What is wrong, and in which line. */
export interface Finding {
  readonly line: number;
  readonly what: string;
}

/** Private words in prose. */
export function findWords(prose: readonly Prose[]): Finding[] {
  return prose.flatMap(({ line, text }) =>
    banned.flatMap(({ pattern, instead }) =>
      [...text.matchAll(pattern)].map(([word]) => ({ line, what: `“${word}”: say ${instead}` })),
    ),
  );
}

/** Sentences that are too long: each beyond the limit of one, and all above nine of ten if those are long. */
export function findSentences(prose: readonly Prose[]): Finding[] {
  const sentences = prose.flatMap(({ line, text }) =>
    sentencesOf(text).map((sentence) => ({ line, sentence, words: wordsOf(sentence) })),
  );
  const most = percentile(
    sentences.map(({ words }) => words),
    0.9,
  );
  const limit = most > limits.sentenceWords ? limits.sentenceWords : limits.longestSentence;
  return sentences
    .filter(({ words }) => words > limit)
    .map(({ line, sentence, words }) => ({
      line,
      what: `${words} words (nine of ten sentences have up to ${most}): ${sentence.slice(0, 60)}…`,
    }));
}

/** The part of an address that a heading gets on GitHub and on the site. */
export function anchorOf(heading: string): string {
  const text = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '');
  return text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-');
}

/** Links to files and headings that are not there. */
export function findLinks(root: string, page: string, markdown: string): Finding[] {
  const withoutCode = markdown
    .replace(/^\s*```[\s\S]*?^\s*```/gm, (code) => code.replace(/[^\n]/g, ''))
    .replace(/`[^`\n]*`/g, (code) => ' '.repeat(code.length));
  return [...withoutCode.matchAll(/\]\((?!https?:|mailto:)([^)\s]*)\)/g)].flatMap((found) => {
    const [path = '', anchor] = (found[1] ?? '').split('#');
    const line = markdown.slice(0, found.index).split('\n').length;
    const target = path === '' ? page : normalize(join(dirname(page), path));
    if (!existsSync(join(root, target))) return [{ line, what: `no file ${target}` }];
    if (anchor === undefined || !target.endsWith('.md')) return [];
    const headings = readFileSync(join(root, target), 'utf8').matchAll(/^#+ (.*)$/gm);
    const anchors = new Set([...headings].map(([, heading = '']) => anchorOf(heading)));
    return anchors.has(anchor) ? [] : [{ line, what: `no heading #${anchor} in ${target}` }];
  });
}

/** Lines that `--wrap` would break. */
export function findLongLines(markdown: string): Finding[] {
  const kept = new Set(wrap(markdown, limits.lineLength).split('\n'));
  return markdown.split('\n').flatMap((text, index) => {
    if (text.length <= limits.lineLength || kept.has(text)) return [];
    const what = `${text.length} characters, over ${limits.lineLength}: npm run prose -- --wrap breaks the line`;
    return [{ line: index + 1, what }];
  });
}

/** What of the tree documents may name. */
export interface Tree {
  readonly root: string;
  readonly scripts: ReadonlySet<string>;
  /** Words of commands of `profilectl`, joined by a blank, and the options of each. */
  readonly commands: ReadonlyMap<string, ReadonlySet<string>>;
  /** Files that a guide has its reader make. */
  readonly invented: ReadonlySet<string>;
}

/** Commands and files that are not there. */
export function findCommands(tree: Tree, markdown: string): Finding[] {
  return markdown.split('\n').flatMap((text, index) => {
    const wrong = [...npmScripts(tree, text), ...controls(tree, text), ...files(tree, text)];
    return wrong.map((what) => ({ line: index + 1, what }));
  });
}

function npmScripts(tree: Tree, text: string): string[] {
  const named = [...text.matchAll(/\bnpm run (?:-s )?([a-z][\w:-]*)/g)].map(([, name = '']) => name);
  return named.filter((name) => !tree.scripts.has(name)).map((name) => `no script: npm run ${name}`);
}

function controls(tree: Tree, text: string): string[] {
  return [...text.matchAll(/\bprofilectl ((?:[a-z]+ )?[a-z]+)\b([^`|;&]*)/g)].flatMap(
    ([, words = '', rest = '']) => {
      const [first = '', second = ''] = words.split(' ');
      // Prose goes on after a name: only what stands in code is a command, and prose names no group of commands.
      const known = tree.commands.get(`${first} ${second}`) ?? tree.commands.get(first);
      if (known === undefined)
        return text.includes(`\`profilectl ${words}`) ? [`no command: profilectl ${words}`] : [];
      const options = [...rest.matchAll(/(?<=\s)--[a-z][a-z-]*/g)].map(([option]) => option);
      return options
        .filter((option) => !known.has(option) && option !== '--help')
        .map((option) => `profilectl ${words} has no option ${option}`);
    },
  );
}

function files(tree: Tree, text: string): string[] {
  const named = text.matchAll(
    /(?<=`|\s|^)((?:src|tests|docs|dev|bench|deploy|page)\/[\w/.-]*\.(?:ts|tsx|mjs|md|lua|yaml|json))(?=`|\s|$)/g,
  );
  return [...named]
    .map(([, path = '']) => path)
    .filter((path) => !tree.invented.has(path) && !existsSync(join(tree.root, path)))
    .map((path) => `no file ${path}`);
}

const figure =
  /\d(?:[\d,. ]*\d)?\s?(?:µs|ms|MiB|MB|KB|GB|requests (?:a|per) second|a second|% (?:less|more|of))/;
const command =
  /\b(?:npm (?:run|test)|node |redis-cli |profilectl |mosquitto_\w+ |docker )|tests\/[\w/*-]+\.test\.ts/;

/** Measured figures whose section, or the head of the page, names no command that shows them. */
export function findFigures(markdown: string, isMeasured: boolean): Finding[] {
  const sections = sectionsOf(markdown);
  const head = sections[0]?.raw ?? '';
  if (isMeasured && command.test(head)) return [];
  return sections
    .filter(
      ({ raw }) => figure.test(raw) && (isMeasured || /\bmeasured\b/i.test(plain(raw))) && !command.test(raw),
    )
    .map(({ line, heading }) => ({
      line,
      what: `“${heading}” has figures, and names no command that measures them`,
    }));
}
