import {
  atom,
  elementOffsets,
  encodeFragment,
  type Fragment,
  tupleArity,
  tupleElements,
  tupleOf,
} from '../etf/index.ts';
import { canonical, isCanonical, readAtom } from './fields.ts';

/** The records of the protocol, and how many elements each has with its tag. */
export const recordSizes = { Service: 8, Roster: 14, Contact: 15, Feature: 5 } as const;

type RecordName = keyof typeof recordSizes;

/** Whether there is this record at `at`, by its tag and its number of elements. */
export function isRecord(fragment: Fragment, name: RecordName, at = 0): boolean {
  const isNamed = tupleArity(fragment, at) === recordSizes[name];
  return isNamed && readAtom(fragment, at + (fragment[at] === SMALL_TUPLE_EXT ? 2 : 5)) === name;
}

/** The elements of a record without its tag; `undefined` for anything else. */
export function recordFields(fragment: Fragment, name: RecordName): Fragment[] | undefined {
  return isRecord(fragment, name) ? tupleElements(fragment, 1) : undefined;
}

/**
 * Finds the fields of a record without making an object for each: a list of thousands of records takes half the time so.
 * @param into - receives the offset of each field, then the end of the last one.
 * @returns whether it is such a record.
 */
export function fieldOffsets(fragment: Fragment, name: RecordName, into: Int32Array): boolean {
  if (!isRecord(fragment, name)) return false;
  elementOffsets(fragment, 0, into);
  into.copyWithin(0, 1);
  return true;
}

/** Room for the offsets of a record's elements and the end of the last one. */
export function roomForOffsets(name: RecordName): Int32Array {
  return new Int32Array(recordSizes[name] + 1);
}

/** Whether the record is encoded as `recordOf` encodes it, not counting its fields. */
function isCanonicalRecord(record: Fragment): boolean {
  return record[0] === SMALL_TUPLE_EXT && record[2] === ATOM_EXT;
}

const SMALL_TUPLE_EXT = 104;
const ATOM_EXT = 100;

/**
 * The record in the form in which it is stored: each field canonical but one, which stays as it was sent. Returns the
 * fragment itself if all fields are canonical already.
 * @param offsets - as `fieldOffsets` found them.
 * @param asSent - the index of that one.
 */
export function storedRecord(
  name: RecordName,
  fragment: Fragment,
  offsets: Int32Array,
  asSent: number,
): Fragment {
  let isPlain = isCanonicalRecord(fragment);
  for (let index = 0; isPlain && index < recordSizes[name] - 1; index++)
    isPlain = index === asSent || isCanonical(fragment, offsets[index] ?? 0);
  if (isPlain) return fragment;
  const fields = recordFields(fragment, name) ?? [];
  const own = fields.map((field, index) => (index === asSent ? field : canonical(field)));
  const isStored = isCanonicalRecord(fragment) && fields.every((field, index) => field === own[index]);
  return isStored ? fragment : recordOf(name, own);
}

/** Makes a record of its fields, as a fragment. */
export function recordOf(name: RecordName, fields: readonly Fragment[]): Fragment {
  return tupleOf([tags[name], ...fields]);
}

const tags: Record<RecordName, Fragment> = {
  Service: encodeFragment(atom('Service')),
  Roster: encodeFragment(atom('Roster')),
  Contact: encodeFragment(atom('Contact')),
  Feature: encodeFragment(atom('Feature')),
};
