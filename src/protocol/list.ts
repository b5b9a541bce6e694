import { type Fragment, listElements, listOf } from '../etf/index.ts';
import type { Steps } from '../lib/slices.ts';
import { isUnset } from './fields.ts';

/** Makes one fragment of a list of records. */
export function writeList(records: readonly { readonly fragment: Fragment }[]): Fragment {
  return listOf(records.map(({ fragment }) => fragment));
}

/** Reads each element of a list in steps, all or nothing; an unset field is an empty list. */
export function* readListInSteps<T>(
  fragment: Fragment,
  read: (element: Fragment) => T | undefined,
): Steps<T[] | undefined> {
  if (isLong(fragment)) yield;
  const elements = isUnset(fragment) ? [] : listElements(fragment);
  if (elements === undefined) return undefined;
  const records: T[] = [];
  for (const element of elements) {
    const record = read(element);
    if (record === undefined) return undefined;
    if (records.push(record) % recordsInStep === 0) yield;
  }
  return records;
}

/** Whether the work on a list is queued before it begins; to find its elements alone takes time. */
export function isLong(fragment: Fragment): boolean {
  return fragment.length > 4096;
}

/** A record takes some microseconds, some ten where V8 has not compiled its reader yet. */
export const recordsInStep = 32;
