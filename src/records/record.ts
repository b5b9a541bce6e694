import { atom, encodeFragment, type Fragment, tupleElements, tupleOf } from '../etf/index.ts';
import { readAtom } from './fields.ts';

/** What the records of the protocol are called, and how many elements each has with its tag. */
export const recordSizes = { Service: 8, Roster: 14, Contact: 15, Feature: 5 } as const;

type RecordName = keyof typeof recordSizes;

/** The elements of a record without its tag; `undefined` for another tag or another number of elements. */
export function recordFields(fragment: Fragment, name: RecordName): Fragment[] | undefined {
  const elements = tupleElements(fragment);
  if (elements?.length !== recordSizes[name]) return undefined;
  const tag = elements.shift();
  return tag !== undefined && readAtom(tag) === name ? elements : undefined;
}

/** The record made of its fields, as a fragment. */
export function recordOf(name: RecordName, fields: readonly Fragment[]): Fragment {
  return tupleOf([tags[name], ...fields]);
}

const tags: Record<RecordName, Fragment> = {
  Service: encodeFragment(atom('Service')),
  Roster: encodeFragment(atom('Roster')),
  Contact: encodeFragment(atom('Contact')),
  Feature: encodeFragment(atom('Feature')),
};
