import { atom, decode, EtfTextError, encode, isAtom, print, type Term, Tuple } from '../../etf/index.ts';
import { anything, type Bindings, fill, match, readPattern } from '../../etf/patterns.ts';
import { type Json, toJson } from '../../qa/formats/json-write.ts';
import { readFormat } from '../../qa/formats/read.ts';
import { records } from '../../qa/formats/record-fields.ts';
import { answerLimits } from '../../qa/formats/write.ts';
import type { PlanPattern } from './plan.ts';

/** The variables of a plan: `${Name}` in texts, `Name` in Erlang text if it begins with a capital letter. */
export type Variables = Map<string, Term>;

/** A step of a plan cannot be done: a variable is not known, or a text is no term. */
export class StepFault extends Error {
  override readonly name = 'StepFault';
}

export function termOfValue(value: string | number | boolean): Term {
  if (typeof value === 'string') return Buffer.from(value);
  return typeof value === 'number' ? value : atom(String(value));
}

/** Put the texts of variables in the place of `${Name}`. @throws StepFault for one that is not known. */
export function insert(text: string, variables: Variables): string {
  return text.replaceAll(reference, (_, variable: string) => {
    const value = variables.get(variable);
    if (value === undefined) throw new StepFault(`nothing is known of the variable ${variable}`);
    return textOf(value);
  });
}

const reference = /\$\{(\w+)\}/g;

function textOf(value: Term): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  return isAtom(value) ? value.name : print(value);
}

/** The payload of a request in any form. @throws StepFault if it is no term. */
export function requestOf(request: PlanPattern, variables: Variables): Uint8Array {
  const text =
    typeof request === 'string' ? insert(request, variables) : JSON.stringify(fillJson(request, variables));
  try {
    const { format, message, reason } = readFormat(Buffer.from(text), answerLimits);
    if (format === 'erlang') return encode(fill(readPattern(text, { records }), variables));
    if (message === undefined) throw new StepFault(`the request cannot be read: ${reason}`);
    decode(message, answerLimits);
    return message;
  } catch (error) {
    if (error instanceof StepFault) throw error;
    throw new StepFault(`the request cannot be read: ${(error as Error).message}`);
  }
}

/** The text of a request as it stands, for `form: raw`. */
export function rawRequest(request: PlanPattern, variables: Variables): Buffer {
  if (typeof request === 'string') return Buffer.from(insert(request, variables));
  return Buffer.from(JSON.stringify(fillJson(request, variables)));
}

function fillJson(value: unknown, variables: Variables): Json {
  if (typeof value === 'string') {
    const [, whole] = /^\$\{(\w+)\}$/.exec(value) ?? [];
    const known = whole === undefined ? undefined : variables.get(whole);
    return typeof known === 'number' ? known : insert(value, variables);
  }
  if (Array.isArray(value)) return value.map((each) => fillJson(each, variables));
  if (typeof value !== 'object' || value === null) return value as Json;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, fillJson(each, variables)]));
}

/**
 * Whether a term is as a pattern has it; binds the variables that are new in it.
 * In Erlang text `_` and an unknown variable stand for anything, as do the fields that a `#'Record'{…}` leaves out. In an object
 * these are `_`, an unknown `${Name}`, and the keys that it leaves out.
 */
export function matches(pattern: PlanPattern, term: Term, variables: Variables): boolean {
  if (typeof pattern !== 'string') return matchesJson(pattern, toJson(term), variables);
  const found = match(erlangPattern(pattern, variables), term, variables);
  for (const [variable, value] of found ?? []) variables.set(variable, value);
  return found !== undefined;
}

/** Read it before anything is sent. @throws StepFault if it cannot be read. */
function erlangPattern(pattern: string, variables: Variables): Term {
  try {
    return readPattern(insert(pattern, variables), { records: open });
  } catch (error) {
    if (error instanceof EtfTextError) throw new StepFault(`the pattern cannot be read: ${error.message}`);
    throw error;
  }
}

const open = Object.fromEntries(
  Object.entries(records).map(([name, fields]) => [
    name,
    fields.map((field) => ({ ...field, default: anything })),
  ]),
);

function matchesJson(pattern: unknown, value: Json | undefined, variables: Variables): boolean {
  if (pattern === '_') return value !== undefined;
  if (pattern === null) return value === undefined;
  if (typeof pattern === 'string') return matchesText(pattern, value, variables);
  if (Array.isArray(pattern)) {
    if (!Array.isArray(value) || value.length !== pattern.length) return false;
    return pattern.every((each, index) => matchesJson(each, value[index], variables));
  }
  if (typeof pattern !== 'object') return pattern === value;
  if (typeof value !== 'object' || Array.isArray(value)) return false;
  return Object.entries(pattern as object).every(([key, each]) => matchesJson(each, value[key], variables));
}

function matchesText(pattern: string, value: Json | undefined, variables: Variables): boolean {
  const [, whole] = /^\$\{(\w+)\}$/.exec(pattern) ?? [];
  if (whole === undefined || variables.has(whole)) return fillJson(pattern, variables) === value;
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  variables.set(whole, termOfValue(value));
  return true;
}

/** What two answers may differ in: what the pattern leaves open by a name, and times of the run. */
export function comparable(pattern: PlanPattern | undefined, term: Term, known: Bindings): Json {
  if (typeof pattern !== 'string') return maskJson(pattern, toJson(term), known);
  return toJson(mask(erlangPattern(pattern, new Map(known)), term, known));
}

const masked = atom('_');

function mask(pattern: Term, term: Term, known: Bindings): Term {
  const named = isAtom(pattern) && pattern.name.startsWith('$') ? pattern.name.slice(1) : undefined;
  // The fields that a record leaves out are compared.
  if (named !== undefined) return named === '' || known.has(named) ? term : masked;
  if (pattern instanceof Tuple && term instanceof Tuple)
    return new Tuple(term.elements.map((each, index) => mask(pattern.elements[index] ?? [], each, known)));
  if (Array.isArray(pattern) && Array.isArray(term) && pattern.length === term.length)
    return term.map((each, index) => mask(pattern[index] ?? [], each, known));
  return term;
}

function maskJson(pattern: unknown, value: Json, known: Bindings): Json {
  if (pattern === '_') return '_';
  const [, whole] = typeof pattern === 'string' ? (/^\$\{(\w+)\}$/.exec(pattern) ?? []) : [];
  if (whole !== undefined) return known.has(whole) ? value : '_';
  if (Array.isArray(pattern) && Array.isArray(value))
    return value.map((each, index) => maskJson(pattern[index], each, known));
  if (typeof pattern !== 'object' || pattern === null || Array.isArray(pattern)) return value;
  if (typeof value !== 'object' || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([key, each]) => [
    key,
    maskJson((pattern as Record<string, unknown>)[key], each, known),
  ]);
  return Object.fromEntries(entries);
}
