import type { Fragment } from '../etf/index.ts';
import { canonical, isUnset, readAtom, readText } from './fields.ts';
import { readList } from './list.ts';
import { recordFields, recordOf } from './record.ts';

/** `{'Feature',Id,Key,Value,Group}`: one setting of a profile. */
export interface Feature {
  /** What two features of one setting have in common: the key as text. */
  readonly key: string;
  /** The value as it was sent, byte for byte. */
  readonly value: Fragment;
  /** The whole record, ready to be stored. */
  readonly fragment: Fragment;
}

/** Read one feature; `undefined` for anything else. */
export function readFeature(fragment: Fragment): Feature | undefined {
  const [id, key, value, group] = recordFields(fragment, 'Feature') ?? [];
  if (id === undefined || key === undefined || value === undefined || group === undefined) return undefined;
  return {
    key: keyText(key),
    value,
    fragment: recordOf('Feature', [canonical(id), canonical(key), value, canonical(group)]),
  };
}

/** Read a list of features; `undefined` if it is no list, or one of them is no feature. */
export function readFeatures(fragment: Fragment): Feature[] | undefined {
  return readList(fragment, readFeature);
}

/**
 * Settings as they are after a `set`: a sent feature takes the place of the one with its key, or comes last; one whose
 * value is `[]` takes that key away.
 */
export function mergeFeatures(stored: readonly Feature[], sent: readonly Feature[]): Feature[] {
  const merged = new Map(stored.map((feature) => [feature.key, feature]));
  for (const feature of sent) {
    if (isUnset(feature.value)) merged.delete(feature.key);
    else merged.set(feature.key, feature);
  }
  return [...merged.values()];
}

/** A key may be a binary, a list of characters or an atom; a key of another kind is its own bytes. */
function keyText(key: Fragment): string {
  return readText(key) ?? readAtom(key) ?? Buffer.from(key).toString('hex');
}
