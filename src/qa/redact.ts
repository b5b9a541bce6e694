import { Atom, Foreign, ImproperList, isAtom, map, readForeign, type Term, Tuple } from '../etf/index.ts';
import { recordNameOf } from './formats/record-fields.ts';

/**
 * The term without its secrets. Codes, credentials, tokens and passwords are replaced; an e-mail address keeps its first
 * letter and its domain.
 */
export function redact(term: Term): Term {
  if (term instanceof Uint8Array) return maskedBinary(term);
  if (Array.isArray(term)) return maskedString(term) ?? term.map(redact);
  if (term instanceof ImproperList) return new ImproperList(term.elements.map(redact), redact(term.tail));
  if (term instanceof Foreign) return redactMap(term);
  if (!(term instanceof Tuple)) return term;
  const name = recordNameOf(term);
  if (name === 'Service') return redactService(term);
  if (name === 'Feature' && isSecretName(term.elements[2])) return replaced(term, [3]);
  return new Tuple(term.elements.map(redact));
}

const redacted = new Uint8Array(Buffer.from('[redacted]'));

/** `data`, `login` and `password` hold codes and credentials. The id can hold one too: for AWS, or by a client's mistake. */
function redactService(term: Tuple): Tuple {
  const { elements } = term;
  if (elements.length !== 8) return replaced(term, [...elements.keys()].slice(1));
  const name = textOf(elements[1] ?? []);
  const isNamed = name !== undefined && !/^\d+$/.test(name) && !isAtom(elements[2], 'aws');
  const rest = isNamed ? new Tuple(elements.with(1, redact(elements[1] ?? []))) : term;
  return replaced(rest, isNamed ? [3, 4, 5] : [1, 3, 4, 5]);
}

/** In these fields all is secret except atoms and `[]`, the empty value. */
function replaced({ elements }: Tuple, places: readonly number[]): Tuple {
  return new Tuple(
    elements.map((element, index) => {
      if (!places.includes(index)) return element;
      const isNothing = element instanceof Atom || (Array.isArray(element) && element.length === 0);
      return isNothing ? element : redacted;
    }),
  );
}

function redactMap(term: Foreign): Foreign {
  const value = readForeign(term);
  if (value.kind !== 'map') return term;
  return map(value.pairs.map(([key, item]) => [key, isSecretName(key) ? redacted : redact(item)]));
}

function isSecretName(key: Term | undefined): boolean {
  const name = key instanceof Atom ? key.name : key === undefined ? undefined : textOf(key);
  return name !== undefined && /token|secret|passw|code|credential|key/i.test(name);
}

function maskedBinary(bytes: Uint8Array): Uint8Array {
  const text = textOf(bytes);
  const masked = text === undefined ? undefined : mask(text);
  return masked === undefined || masked === text ? bytes : new Uint8Array(Buffer.from(masked));
}

/** A list of characters that contains an address. */
function maskedString(list: readonly Term[]): Term[] | undefined {
  const text = textOf([...list]);
  const masked = text === undefined ? undefined : mask(text);
  if (masked === undefined || masked === text) return undefined;
  return Array.from(masked, (character) => character.codePointAt(0) ?? 0);
}

function mask(text: string): string {
  return text.replaceAll(/([^\s<>@,;:"'])[^\s<>@,;:"']*@([^\s<>@,;:"']+)/gu, '$1…@$2');
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(term: Term): string | undefined {
  try {
    if (term instanceof Uint8Array) return utf8.decode(term);
    if (Array.isArray(term) && term.every(isCharacter))
      return term.map((code) => String.fromCodePoint(code)).join('');
  } catch {
    // Bytes that are not UTF-8 are no text.
  }
  return undefined;
}

function isCharacter(term: Term): term is number {
  return typeof term === 'number' && term >= 0 && term <= 0x10ffff;
}
