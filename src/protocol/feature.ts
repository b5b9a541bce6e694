import { type Fragment, listElements } from '../etf/index.ts';
import { atOnce, type Steps } from '../lib/slices.ts';
import { isUnset, readAtom, readText, unset } from './fields.ts';
import { readListInSteps } from './list.ts';
import { fieldOffsets, recordFields, roomForOffsets, storedRecord } from './record.ts';

/** `{'Feature',Id,Key,Value,Group}`: one setting of a profile. */
export interface Feature {
  /** The key as text: two features with the same one are the same setting. */
  readonly key: string;
  /** Whether the value is `[]`, which removes the setting. */
  readonly isUnset: boolean;
  /** The whole record, ready to be stored. */
  readonly fragment: Fragment;
}

/** Of the fields of the feature that is being read. */
const offsets = roomForOffsets('Feature');

/**
 * Reads one feature; `undefined` for anything else. Decodes only what is needed, because a profile has many features.
 */
export function readFeature(fragment: Fragment): Feature | undefined {
  if (!fieldOffsets(fragment, 'Feature', offsets)) return undefined;
  return {
    key: keyText(fragment.subarray(offsets[KEY], offsets[VALUE])),
    isUnset: isUnset(fragment, offsets[VALUE]),
    fragment: storedRecord('Feature', fragment, offsets, VALUE),
  };
}

const KEY = 1;
const VALUE = 2;

/** The value of a feature as it was sent, byte for byte. */
function featureValue({ fragment }: Feature): Fragment {
  return recordFields(fragment, 'Feature')?.[VALUE] ?? unset;
}

/** Reads a list of features; `undefined` if it is not a list, or an element is not a feature. */
export function readFeatures(fragment: Fragment): Feature[] | undefined {
  return atOnce(readFeaturesInSteps(fragment));
}

/** Reads a list of features as `readFeatures` does, in steps. */
export function readFeaturesInSteps(fragment: Fragment): Steps<Feature[] | undefined> {
  return readListInSteps(fragment, readFeature);
}

/**
 * The value of the last feature with a key, as it was sent.
 * @param settings - a list of features; other elements are skipped.
 * @returns `undefined` if there is no such feature, or its value is not set.
 */
export function settingValue(settings: Fragment, key: string): Fragment | undefined {
  const features = (listElements(settings) ?? []).map(readFeature);
  const feature = features.filter((each) => each?.key === key).at(-1);
  return feature === undefined || feature.isUnset ? undefined : featureValue(feature);
}

/**
 * Returns the settings after a `set`. A sent feature replaces the one with its key, or is added at the end; a value
 * of `[]` removes the feature with that key.
 */
export function mergeFeatures(stored: readonly Feature[], sent: readonly Feature[]): Feature[] {
  const merged = new Map(stored.map((feature) => [feature.key, feature]));
  for (const feature of sent) {
    if (feature.isUnset) merged.delete(feature.key);
    else merged.set(feature.key, feature);
  }
  return [...merged.values()];
}

/** The key as text, from a binary, a list of characters or an atom; a key of another kind is its own bytes. */
function keyText(key: Fragment): string {
  return readText(key) ?? readAtom(key) ?? Buffer.from(key).toString('hex');
}
