/** Breaks the long lines of a page: what is too much goes to the next line of its paragraph, or to a line of its own. */
export function wrap(markdown: string, width: number): string {
  const lines: string[] = [];
  let isCode = false;
  let rest = '';
  let indent = '';
  const flush = (): void => {
    if (rest !== '') lines.push(...broken(indent + rest, width, indent));
    rest = '';
  };
  for (const line of markdown.split('\n')) {
    const isFence = /^\s*(?:```|~~~)/.test(line);
    if (isFence) isCode = !isCode;
    const isFixed = isFence || isCode || line.trim() === '' || /^\s*(?:\||#+ |<)/.test(line);
    const begins = isFixed || /^\s*(?:[-*+] |\d+\. |> )/.test(line);
    if (begins) flush();
    if (isFixed) {
      lines.push(line);
      continue;
    }
    const text = rest === '' ? line : `${indent}${rest} ${line.trim()}`;
    if (begins || rest === '') indent = hanging(line);
    const [first = '', ...others] = broken(text, width, indent);
    lines.push(first);
    rest = others.map((other) => other.trim()).join(' ');
  }
  flush();
  return lines.join('\n');
}

/** What the lines that go on with a line begin with. */
function hanging(line: string): string {
  const [, space = '', mark = ''] = /^(\s*)((?:[-*+]|\d+\.) )?/.exec(line) ?? [];
  return space + ' '.repeat(mark.length);
}

/** A line in pieces of at most so many characters, where blanks outside code allow it. */
function broken(line: string, width: number, indent: string): string[] {
  const pieces: string[] = [];
  let left = line;
  while (left.length > width) {
    const at = breakOf(left, width, indent.length);
    if (at < 0) break;
    pieces.push(left.slice(0, at));
    left = indent + left.slice(at + 1);
  }
  return [...pieces, left];
}

/** The last blank at which a line may break; one inside code or the text of a link stays. -1 if there is none. */
function breakOf(line: string, width: number, indent: number): number {
  const kept = line.replace(/`[^`]*`|\[[^\]]*\]\([^)]*\)/g, (whole) => whole.replaceAll(' ', '_'));
  // Code that began on another line: where it may break is not known.
  if (line.split('`').length % 2 === 0) return -1;
  for (let at = width; at > indent; at--) {
    // A word that Markdown would read as the mark of a list does not begin a line.
    if (
      kept[at] === ' ' &&
      !/^(?:[-*+>#]|\d+\.|\|)(?:\s|$)/.test(kept.slice(at + 1)) &&
      kept.slice(indent, at).trim() !== ''
    )
      return at;
  }
  return -1;
}
