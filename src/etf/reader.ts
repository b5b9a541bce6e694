import type { Term } from './terms.ts';
import { type Token, Tokens } from './tokens.ts';

/** Holds the next token, and the small checks that every rule of the grammar needs. */
export class TokenReader {
  private readonly tokens: Tokens;
  token: Token;

  constructor(text: string) {
    this.tokens = new Tokens(text);
    this.token = this.tokens.next();
  }

  advance(): void {
    this.token = this.tokens.next();
  }

  /** @param at - offset in the text; the next token's unless given. */
  fail(message: string, at = this.token.at): never {
    this.tokens.fail(message, at);
  }

  /** Skips this mark if it is the next token. */
  accept(mark: string): boolean {
    if (this.token.kind !== 'mark' || this.token.text !== mark) return false;
    this.advance();
    return true;
  }

  expect(mark: string, message: string): void {
    if (!this.accept(mark)) this.fail(message);
  }

  /** Reads items separated by commas, up to the closing mark. */
  until<Item>(close: string, item: () => Item): Item[] {
    const items: Item[] = [];
    if (this.accept(close)) return items;
    do items.push(item());
    while (this.accept(','));
    this.expect(close, `, or ${close} is expected here`);
    return items;
  }

  /** Reads an integer whose sign is already read. */
  integer(sign: 1 | -1): Term & (number | bigint) {
    const { token } = this;
    if (token.kind !== 'integer') this.fail('a number is expected here');
    this.advance();
    const value = sign === 1 ? token.value : -token.value;
    const exact = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
    return exact ? Number(value) : value;
  }
}
