import { escapedCharacters, isCharacter } from './syntax.ts';

/** The text is not a term. The message names the position and the rule; of the text it repeats at most one odd character. */
export class EtfTextError extends Error {
  override readonly name = 'EtfTextError';
  /** Line and column count from 1; a column is a UTF-16 unit. */
  readonly line: number;
  readonly column: number;

  constructor(message: string, line: number, column: number) {
    super(`line ${line}, column ${column}: ${message}`);
    this.line = line;
    this.column = column;
  }
}

export type Token = { readonly at: number } & (
  | { readonly kind: 'atom' | 'quotedAtom' | 'variable' | 'string'; readonly text: string }
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'mark'; readonly text: string }
  | { readonly kind: 'dot' | 'end'; readonly text: '' }
);

const BLANK = /(?:[\0- \x80-\xa0]|%[^\n]*)+/y;
const NAME = /[a-zA-Z_ß-öø-ÿÀ-ÖØ-Þ][a-zA-Z0-9_@À-ÖØ-öø-ÿ]*/y;
const FLOAT = /\d+(?:_\d+)*\.\d+(?:_\d+)*(?:[eE][+-]?\d+)?/y;
const INTEGER = /\d+(?:_\d+)*(?:#[0-9a-zA-Z]+(?:_[0-9a-zA-Z]+)*)?/y;
const MARK = /<<|>>|=>|[{}[\]()<>,|#=:/+-]/y;
const DOT = /\.(?=[\0- \x80-\xa0%]|$)/y;
const OCTAL = /[0-7]{1,3}/y;
const HEX = /x(?:\{([0-9a-fA-F]+)\}|([0-9a-fA-F]{2}))/y;

const MAX_DIGITS = 5000; // Decimal digits take more than linear time.

/** Cuts Erlang text into tokens, one at a time. */
export class Tokens {
  private readonly text: string;
  private at = 0;

  constructor(text: string) {
    this.text = text;
  }

  next(): Token {
    this.match(BLANK);
    const at = this.at;
    if (at >= this.text.length) return { kind: 'end', text: '', at };
    const character = this.text[at]!;
    if (character === '"') return { kind: 'string', text: this.quoted('"'), at };
    if (character === "'") return { kind: 'quotedAtom', text: this.quoted("'"), at };
    if (character === '$') return { kind: 'integer', value: BigInt(this.character()), at };
    if (this.match(DOT) !== undefined) return { kind: 'dot', text: '', at };
    const mark = this.match(MARK);
    if (mark !== undefined) return { kind: 'mark', text: mark[0], at };
    const name = this.match(NAME);
    if (name !== undefined) return { kind: startsAtom(name[0]) ? 'atom' : 'variable', text: name[0], at };
    return this.number(at);
  }

  fail(message: string, at: number): never {
    const before = this.text.slice(0, at);
    const lineStart = before.lastIndexOf('\n') + 1;
    throw new EtfTextError(message, before.split('\n').length, at - lineStart + 1);
  }

  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text);
    if (found === null) return undefined;
    this.at += found[0].length;
    return found;
  }

  private number(at: number): Token {
    const float = this.match(FLOAT);
    if (float !== undefined) {
      const value = Number(float[0].replaceAll('_', ''));
      if (!Number.isFinite(value)) this.fail('a float this large does not exist', at);
      return { kind: 'float', value, at };
    }
    const integer = this.match(INTEGER);
    if (integer === undefined) this.fail(`${nameOf(this.text, at)} has no meaning outside quotes`, at);
    const [first = '', digits] = integer[0].replaceAll('_', '').split('#');
    if (digits === undefined) {
      if (first.length > MAX_DIGITS) this.fail('write an integer this long in base 16, as 16#FF', at);
      return { kind: 'integer', value: BigInt(first), at };
    }
    return { kind: 'integer', value: this.inBase(Number(first), digits, at), at };
  }

  private inBase(base: number, digits: string, at: number): bigint {
    if (!(base >= 2 && base <= 36)) this.fail('the base of an integer is 2 to 36', at);
    const values = [...digits].map((digit) => Number.parseInt(digit, 36));
    if (values.some((value) => value >= base))
      this.fail(`this integer has a digit that base ${base} lacks`, at);
    if (base === 16) return BigInt(`0x${digits}`);
    if (digits.length > MAX_DIGITS) this.fail('write an integer this long in base 16, as 16#FF', at);
    return values.reduce((value, digit) => value * BigInt(base) + BigInt(digit), 0n);
  }

  /** Reads `$a` or `$\n`: one character. */
  private character(): number {
    this.at += 1;
    if (this.at >= this.text.length) this.fail('a character must follow the $', this.at - 1);
    return this.nextCharacter();
  }

  private quoted(quote: string): string {
    const start = this.at;
    this.at += 1;
    let text = '';
    for (;;) {
      if (this.at >= this.text.length) this.fail(`the ${quote} that opens here is never closed`, start);
      if (this.text[this.at] === quote) break;
      text += String.fromCodePoint(this.nextCharacter());
    }
    this.at += 1;
    return text;
  }

  private nextCharacter(): number {
    const start = this.at;
    const code = this.text.codePointAt(start)!;
    if (!isCharacter(code)) this.fail('this is half a character', start);
    this.at += code > 0xffff ? 2 : 1;
    return code === 92 ? this.escape(start) : code;
  }

  /** Reads what follows a backslash (Erlang reference manual, "Escape Sequences"). */
  private escape(start: number): number {
    if (this.at >= this.text.length) this.fail('an escape ends the text', start);
    const octal = this.match(OCTAL);
    if (octal !== undefined) return Number.parseInt(octal[0], 8);
    const hex = this.match(HEX);
    if (hex !== undefined) {
      const code = Number.parseInt(hex[1] ?? hex[2]!, 16);
      if (!isCharacter(code)) this.fail('there is no character of this number', start);
      return code;
    }
    const code = this.text.codePointAt(this.at)!;
    this.at += code > 0xffff ? 2 : 1;
    const letter = String.fromCodePoint(code);
    if (letter === 'x') this.fail('\\x is followed by two hexadecimal digits or by {digits}', start);
    if (letter !== '^') return escapedCharacters.get(letter) ?? code;
    const control = this.text.charCodeAt(this.at);
    if (!(control >= 64 && control < 128)) this.fail('\\^ is followed by a letter', start);
    this.at += 1;
    return control & 31;
  }
}

/** `“ (U+201C)`; of a character that nobody sees only its number. */
function nameOf(text: string, at: number): string {
  const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
  const number = `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
  if (/[\p{C}\p{Z}\p{M}]/u.test(character)) return number;
  const hint = /[\u2018-\u201f\u00ab\u00bb]/.test(character)
    ? ', a quote of a word processor instead of a straight one,'
    : '';
  return `${character} (${number})${hint}`;
}

function startsAtom(name: string): boolean {
  return /^[a-zß-öø-ÿ]/.test(name);
}
