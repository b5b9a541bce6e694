import { isDeepStrictEqual } from 'node:util';
import { print } from '../../etf/index.ts';
import type { Json } from '../../qa/formats/json-write.ts';
import { redact } from '../../qa/redact.ts';
import { comparable } from './patterns.ts';
import type { Received, StepResult } from './run.ts';

/** Milliseconds since 1970: what the workers of two brokers put into `update` differs. */
const earliestTime = Date.UTC(2020, 0);

/**
 * In what the answers and notices of one plan differ between two brokers, a line for each place. Not compared is what the plan
 * leaves open with `_` or a variable, and what is a time at both.
 */
export function differences(one: StepResult, other: StepResult): string[] {
  return one.received.flatMap((received, index) => {
    const counterpart = other.received[index];
    if (counterpart === undefined) return [`${received.what}: only the first broker has it`];
    const [here, there] = [jsonOf(received), jsonOf(counterpart)];
    const places = different(here, there, '');
    // Values may be secret: only places are named, and the terms without secrets below.
    if (places.length === 0) return [];
    return [
      `${received.what} differs at ${places.slice(0, 10).join(', ')}`,
      `  first:  ${print(redact(received.term))}`,
      `  second: ${print(redact(counterpart.term))}`,
    ];
  });
}

function jsonOf({ pattern, term, known }: Received): Json {
  return comparable(pattern, term, known);
}

/** The paths at which two values differ. */
function different(one: Json | undefined, other: Json | undefined, path: string): string[] {
  if (isTime(one) && isTime(other)) return [];
  if (Array.isArray(one) && Array.isArray(other) && one.length === other.length)
    return one.flatMap((each, index) => different(each, other[index], `${path}[${index}]`));
  if (isObject(one) && isObject(other)) {
    const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])];
    return keys.flatMap((key) => different(one[key], other[key], path === '' ? key : `${path}.${key}`));
  }
  return isDeepStrictEqual(one, other) ? [] : [path === '' ? 'its whole' : path];
}

const isTime = (value: Json | undefined): boolean => typeof value === 'number' && value > earliestTime;

const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === 'object' && !Array.isArray(value);
