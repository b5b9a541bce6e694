import { atom, ImproperList, type Term, Tuple } from '../etf/index.ts';

const longest = 20;
const shown = 10;

/**
 * The term for a person to read: of a list with more than 20 tuples the first 10. An atom in the place of the others says how many
 * there are, so that nothing reads the rest as if it were all.
 */
export function shorten(term: Term): Term {
  if (term instanceof Tuple) return new Tuple(term.elements.map(shorten));
  if (term instanceof ImproperList) return new ImproperList(term.elements.map(shorten), term.tail);
  if (!Array.isArray(term)) return term;
  if (term.length <= longest || !term.every((element) => element instanceof Tuple)) return term.map(shorten);
  const left = (term.length - shown).toLocaleString('en');
  return [...term.slice(0, shown).map(shorten), atom(`… ${left} more; --full shows them`)];
}
