import { parseBits } from './bits.ts';
import { defaultLimits } from './errors.ts';
import { float, hasDuplicateKey, map } from './foreign.ts';
import { TokenReader } from './reader.ts';
import { reservedWords } from './syntax.ts';
import { atom, type Foreign, ImproperList, type Term, Tuple } from './terms.ts';
import type { Token } from './tokens.ts';

export { EtfTextError } from './tokens.ts';

/** Fields of a record in their order, after the tag, with the default of each field. */
export type RecordFields = readonly { readonly name: string; readonly default: Term }[];

export interface ParseOptions {
  /** Records that may be written as `#'Profile'{phone = <<"380501112233">>}`, by name. */
  readonly records?: Readonly<Record<string, RecordFields>>;
}

/**
 * Reads one term in Erlang's syntax: literals, records and comments, over any number of lines, the final dot
 * optional. Variables, calls, pids, ports, references and funs have no literal and are refused.
 * @throws EtfTextError with line, column and the rule that was broken.
 */
export function parse(text: string, options: ParseOptions = {}): Term {
  const parser = new Parser(text, options.records ?? {});
  return parser.parseAll();
}

class Parser extends TokenReader {
  private readonly records: Readonly<Record<string, RecordFields>>;
  private depth = 0;
  private mapDepth = 0;

  constructor(text: string, records: Readonly<Record<string, RecordFields>>) {
    super(text);
    this.records = records;
  }

  parseAll(): Term {
    const term = this.term();
    if (this.token.kind === 'dot') this.advance();
    if (this.token.kind !== 'end') this.fail('the term ends before this; one term is expected');
    return term;
  }

  private term(): Term {
    if (this.depth > defaultLimits.nesting) this.fail(`terms nest at most ${defaultLimits.nesting} deep`);
    this.depth += 1;
    const term = this.literal();
    this.depth -= 1;
    return term;
  }

  private literal(): Term {
    const { token } = this;
    switch (token.kind) {
      case 'integer':
      case 'float':
        return this.number(1);
      case 'atom':
      case 'quotedAtom':
        return atom(this.atomName());
      case 'string':
        return this.string();
      case 'mark':
        return this.marked(token);
      case 'variable':
        return this.fail('a variable has no value here; an atom that starts with a capital letter is quoted');
      case 'dot':
      case 'end':
        return this.fail('a term is missing here');
    }
  }

  private marked(token: Token & { kind: 'mark' }): Term {
    switch (token.text) {
      case '-':
      case '+':
        this.advance();
        return this.number(token.text === '-' ? -1 : 1);
      case '{':
        this.advance();
        return new Tuple(this.until('}', () => this.term()));
      case '[':
        return this.list();
      case '<<':
        this.advance();
        return parseBits(this);
      case '#':
        return this.mapOrRecord();
      case '<':
        return this.fail('a pid cannot be written as text');
      default:
        return this.fail(`a term cannot start with ${token.text}`);
    }
  }

  private number(sign: 1 | -1): Term {
    const { token } = this;
    if (token.kind === 'float') {
      this.advance();
      return float(sign * token.value);
    }
    return this.integer(sign);
  }

  private atomName(): string {
    const { token } = this;
    if (token.kind !== 'atom' && token.kind !== 'quotedAtom') this.fail('an atom is expected here');
    if (token.kind === 'atom' && token.text === 'fun') this.fail('a fun cannot be written as text');
    if (token.kind === 'atom' && reservedWords.has(token.text)) {
      this.fail(`${token.text} is a reserved word; as an atom it is quoted`);
    }
    if (token.text.length > 255 && [...token.text].length > 255)
      this.fail('an atom has at most 255 characters');
    this.advance();
    return token.text;
  }

  /** Joins adjacent strings, as Erlang does. */
  private string(): Term[] {
    const characters: number[] = [];
    while (this.token.kind === 'string') {
      for (const character of this.token.text) characters.push(character.codePointAt(0)!);
      this.advance();
    }
    return characters;
  }

  private list(): Term {
    this.advance();
    const elements: Term[] = [];
    if (this.accept(']')) return elements;
    do elements.push(this.term());
    while (this.accept(','));
    if (!this.accept('|')) {
      this.expect(']', ', or ] is expected here');
      return elements;
    }
    const tail = this.term();
    this.expect(']', '] is expected here');
    if (Array.isArray(tail)) return [...elements, ...tail];
    if (tail instanceof ImproperList) return new ImproperList([...elements, ...tail.elements], tail.tail);
    return new ImproperList(elements, tail);
  }

  private mapOrRecord(): Term {
    const start = this.token.at;
    this.advance();
    if (this.accept('{')) return this.map(start);
    if (this.token.kind === 'variable')
      this.fail('a reference, a port or a fun cannot be written as text', start);
    const name = this.atomName();
    const fields = Object.hasOwn(this.records, name) ? this.records[name] : undefined;
    if (fields === undefined) this.fail('there is no record of this name', start);
    this.expect('{', '{ is expected after the name of a record');
    return this.record(name, fields);
  }

  /** Checks for duplicate keys at the outermost map only: that check covers all maps inside. */
  private map(start: number): Foreign {
    this.mapDepth += 1;
    const pairs = this.until('}', () => {
      const key = this.term();
      this.expect('=>', '=> is expected after the key of a map');
      return [key, this.term()] as const;
    });
    this.mapDepth -= 1;
    const term = map(pairs);
    if (this.mapDepth === 0 && hasDuplicateKey(term)) this.fail('this map has the same key twice', start);
    return term;
  }

  private record(name: string, fields: RecordFields): Tuple {
    const values = new Map<string, Term>();
    this.until('}', () => {
      const { at } = this.token;
      const field = this.atomName();
      if (values.has(field)) this.fail('this field is set twice', at);
      if (!fields.some((known) => known.name === field)) {
        this.fail(`the record has only the fields ${fields.map((known) => known.name).join(', ')}`, at);
      }
      this.expect('=', '= is expected after the name of a field');
      values.set(field, this.term());
    });
    return new Tuple([atom(name), ...fields.map((field) => values.get(field.name) ?? field.default)]);
  }
}
