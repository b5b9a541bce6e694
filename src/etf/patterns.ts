import { Atom, equal, type Term, Tuple, tuple } from './terms.ts';
import { type ParseOptions, parse } from './text.ts';

/** The terms bound to the variables of the patterns so far, by name. */
export type Bindings = ReadonlyMap<string, Term>;

/**
 * Reads Erlang text that may have variables, as in Erlang's own patterns: `{'Profile',Phone,[],_}`.
 * @returns the term; a variable in it is an atom that `match` and `fill` recognize.
 * @throws EtfTextError as `parse` does.
 */
export function readPattern(text: string, options?: ParseOptions): Term {
  const marked = text.replace(word, (found) => (/^[A-Z_]/.test(found) ? `'${variableMark}${found}'` : found));
  return parse(marked, options);
}

/** Quoted atoms, strings, comments, characters and numbers match first, so that no variable is found in them. */
const word =
  /'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|%[^\n]*|\$(?:\\.|.)|\d+#\w+|\b[a-zß-öø-ÿ][\w@]*|\b[A-Z_]\w*/gs;

/** In a pattern a record's fields that are left out may hold anything. */
export const anything: Term = new Atom('$');

/**
 * Compares a term with a pattern, as Erlang does. A bound variable stands for its term, any other is bound to the
 * term at its place, and `_` matches anything.
 * @returns all bindings with the new ones; `undefined` if the term differs.
 */
export function match(pattern: Term, term: Term, bindings: Bindings): Bindings | undefined {
  const variable = variableName(pattern);
  if (variable === '_' || variable === '') return bindings;
  if (variable !== undefined) {
    const bound = bindings.get(variable);
    if (bound === undefined) return new Map(bindings).set(variable, term);
    return equal(bound, term) ? bindings : undefined;
  }
  if (pattern instanceof Tuple) {
    return term instanceof Tuple ? matchAll(pattern.elements, term.elements, bindings) : undefined;
  }
  if (Array.isArray(pattern)) return Array.isArray(term) ? matchAll(pattern, term, bindings) : undefined;
  return equal(pattern, term) ? bindings : undefined;
}

/** Replaces each variable by its term. @throws Error for a variable that is not bound. */
export function fill(pattern: Term, bindings: Bindings): Term {
  const variable = variableName(pattern);
  if (variable !== undefined) {
    const bound = bindings.get(variable);
    if (bound === undefined) throw new Error(`nothing is known of ${variable}`);
    return bound;
  }
  if (pattern instanceof Tuple) return tuple(...pattern.elements.map((element) => fill(element, bindings)));
  return Array.isArray(pattern) ? pattern.map((element) => fill(element, bindings)) : pattern;
}

const variableMark = '$';

function variableName(term: Term): string | undefined {
  const name = term instanceof Atom ? term.name : '';
  return name.startsWith(variableMark) ? name.slice(variableMark.length) : undefined;
}

function matchAll(
  patterns: readonly Term[],
  terms: readonly Term[],
  bindings: Bindings,
): Bindings | undefined {
  if (patterns.length !== terms.length) return undefined;
  let found: Bindings | undefined = bindings;
  for (const [index, pattern] of patterns.entries()) {
    const term = terms[index];
    found = found && term !== undefined ? match(pattern, term, found) : undefined;
  }
  return found;
}
