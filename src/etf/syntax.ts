/**
 * Rules that the printer and the parser of Erlang text share: which characters stand for themselves, which are
 * escaped.
 */

/** Words that need quotes to be an atom. */
export const reservedWords: ReadonlySet<string> = new Set(
  `after and andalso band begin bnot bor bsl bsr bxor case catch cond div end fun if let maybe not of or
   orelse receive rem try when xor`.split(/\s+/),
);

/** An atom that needs no quotes, by its characters alone. */
export const PLAIN_ATOM = /^[a-zß-öø-ÿ][a-zA-Z0-9_@À-ÖØ-öø-ÿ]*$/;

/** Characters that have an escape of one letter. */
const shortEscapes: ReadonlyMap<number, string> = new Map([
  [8, 'b'],
  [9, 't'],
  [10, 'n'],
  [11, 'v'],
  [12, 'f'],
  [13, 'r'],
  [27, 'e'],
  [127, 'd'],
]);

/** Letters that escape a character; `\s`, the blank, is never written. */
export const escapedCharacters: ReadonlyMap<string, number> = new Map([
  ...[...shortEscapes].map(([character, letter]) => [letter, character] as const),
  ['s', 32] as const,
]);

/** Whether a list or binary of such characters reads better as a string, as `io_lib:printable_unicode_list` decides. */
export function isPrintable(character: number): boolean {
  if (character < 127) return character >= 32 || (character >= 8 && character <= 13) || character === 27;
  if (character < 0xd800) return character >= 160;
  return character > 0xdfff && character <= 0x10ffff && character !== 0xfffe && character !== 0xffff;
}

/** A whole Unicode character, not half of a surrogate pair. */
export function isCharacter(code: number): boolean {
  return Number.isInteger(code) && code >= 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
}

/** Puts the text between `quote`s, escaped so that it reads back. */
export function quoted(text: string, quote: '"' | "'"): string {
  let result: string = quote;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    const letter = shortEscapes.get(code);
    if (character === quote || character === '\\') result += `\\${character}`;
    else if (letter !== undefined) result += `\\${letter}`;
    else if (code < 32 || (code > 126 && code < 160)) result += `\\${code.toString(8).padStart(3, '0')}`;
    else result += character;
  }
  return result + quote;
}
