/** Prose of a Markdown page and of source text, without code. */

/** A piece of prose: a paragraph, an item of a list, a heading or a cell of a table. */
export interface Prose {
  readonly line: number;
  readonly text: string;
}

export interface Section {
  readonly line: number;
  readonly heading: string;
  /** All of it, code included. */
  readonly raw: string;
}

const fence = /^\s*(```|~~~)/;
const startsBlock = /^\s*(?:[-*+] |\d+\. |#+ |> )/;

/** The lines outside code fences, as they stand, with their numbers from 1; a fenced line is empty. */
function withoutFences(markdown: string): string[] {
  let isCode = false;
  return markdown
    .replace(/<!--[\s\S]*?-->/g, (comment) => comment.replace(/[^\n]/g, ''))
    .split('\n')
    .map((line) => {
      const isFence = fence.test(line);
      if (isFence) isCode = !isCode;
      return isFence || isCode ? '' : line;
    });
}

/** Inline code becomes one word, a link its text, a picture nothing. */
export function plain(markdown: string): string {
  return markdown
    .replace(/``[^`]+``|`[^`]*`/g, 'Code')
    .replace(/!\[[^\]]*\]\([^)]*\)/g, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/<https?:[^>]*>|https?:\S+/g, 'Link')
    .replace(/<[^>]+>/g, '')
    .replace(/\*\*|__/g, '')
    .replace(/^\s*(?:[-*+] |\d+\. |#+ |> )/, '')
    .trim();
}

/** The prose of a page. */
export function proseOf(markdown: string): Prose[] {
  const found: Prose[] = [];
  let start = 0;
  let block: string[] = [];
  const flush = (): void => {
    const text = plain(block.join(' ').replace(/\s+/g, ' '));
    if (text !== '') found.push({ line: start, text });
    block = [];
  };
  for (const [index, line] of withoutFences(markdown).entries()) {
    const isRow = /^\s*\|/.test(line);
    if (line.trim() === '' || startsBlock.test(line) || isRow) flush();
    if (isRow) {
      for (const cell of line.replace(/`[^`]*`/g, (code) => code.replaceAll('|', '/')).split('|')) {
        if (/[a-z]/i.test(cell)) found.push({ line: index + 1, text: plain(cell) });
      }
    } else if (line.trim() !== '') {
      if (block.length === 0) start = index + 1;
      block.push(line);
      if (/^#+ /.test(line)) flush();
    }
  }
  flush();
  return found;
}

/** The parts of a page below its headings of the first two levels. */
export function sectionsOf(markdown: string): Section[] {
  const lines = markdown.split('\n');
  const free = withoutFences(markdown);
  const sections: { line: number; heading: string; raw: string }[] = [];
  for (const [index, line] of lines.entries()) {
    if (/^##? /.test(free[index] ?? ''))
      sections.push({ line: index + 1, heading: line.replace(/^#+ /, ''), raw: '' });
    const last = sections.at(-1);
    if (last !== undefined) last.raw += `${line}\n`;
  }
  return sections;
}

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' });

/** The sentences of a text; a colon that introduces a list of them and a semicolon do not end one. */
export function sentencesOf(text: string): string[] {
  return [...segmenter.segment(text)]
    .map(({ segment }) => segment.trim())
    .filter((sentence) => sentence !== '');
}

/** The words of a sentence: what stands between white space and has a letter or a digit. */
export function wordsOf(sentence: string): number {
  return sentence.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}

/** The value that so large a share of the values does not exceed; 0 of none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

/** The first sentence of each comment of a source file. */
export function commentsOf(source: string, isLua = false): Prose[] {
  const found: Prose[] = [];
  const opens = isLua ? /^\s*--(?!\[)\s*(.*)$/ : /^\s*(?:\/\*\*|\/\/)\s*(.*)$/;
  const lines = source.split('\n');
  for (const [index, line] of lines.entries()) {
    const opened = opens.exec(line);
    const before = lines[index - 1] ?? '';
    if (opened === null || (/^\s*(?:\/\/|--)/.test(line) && /^\s*(?:\/\/|--)/.test(before))) continue;
    const rest = [opened[1] ?? ''];
    for (const next of lines.slice(index + 1)) {
      const more = /^\s*(?:\*(?!\/)|\/\/|--)\s?(.*)$/.exec(next);
      if (line.includes('*/') || more === null) break;
      if (more[1]?.trim() === '' && rest.join('') !== '') break;
      rest.push(more[1] ?? '');
    }
    const text = plain(
      rest
        .join(' ')
        .replace(/\*\/.*/, '')
        .replace(/(?<=^|\s)@[a-z]+ .*/, '')
        .replace(/\s+/g, ' '),
    );
    if (/^(?:biome-ignore|@ts|knip|c8)|^$/.test(text)) continue;
    const first = sentencesOf(text)[0];
    if (first !== undefined) found.push({ line: index + 1, text: first });
  }
  return found;
}

/** The help texts of a source file: what follows `.description(`, `.option('…',` and `help:`. */
export function helpsOf(source: string): Prose[] {
  const strings =
    /(?:\.description\(|help:|\.(?:requiredO|o)ption\(\s*'[^']*',|new Option\(\s*'[^']*',)\s*(['`])((?:(?!\1)[\s\S])+)\1/g;
  return [...source.matchAll(strings)].map((found) => ({
    line: source.slice(0, found.index).split('\n').length,
    text: plain(found[2] ?? ''),
  }));
}
