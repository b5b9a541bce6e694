import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { atom, ImproperList, type Term } from '../../../src/etf/index.ts';
import {
  type Feature,
  mergeFeatures,
  readFeature,
  readFeatures,
  settingValue,
} from '../../../src/protocol/feature.ts';
import { writeList } from '../../../src/protocol/list.ts';
import { feature, record } from '../../harness/terms.ts';
import { atomEncodings, foreignTerms, fragment, raw } from './bytes.ts';

const read = (...terms: Term[]): Feature[] => {
  const features = readFeatures(fragment(terms));
  assert.ok(features);
  return features;
};

for (const [name, term] of Object.entries(foreignTerms)) {
  test(`${name} as a value comes back byte for byte`, () => {
    const one = readFeature(fragment(feature('key', term)));
    assert.deepEqual(one?.fragment, fragment(feature('key', term)));
  });
}

test('a key is the same as a binary, a list of characters or an atom in any encoding', () => {
  const keys: Term[] = [[76, 65, 78, 71], ...atomEncodings('LANG').map(([, term]) => term)];
  for (const key of keys) {
    assert.equal(
      readFeature(fragment(feature(key, 'v')))?.key,
      readFeature(fragment(feature('LANG', 'v')))?.key,
    );
  }
});

test('the value of a setting is that of the last feature with its key; other elements are skipped', () => {
  const value = (...terms: Term[]) => {
    const found = settingValue(fragment(terms), 'OLD_PHONE');
    return found && Buffer.from(found);
  };
  assert.deepEqual(value(feature('OLD_PHONE', 1), 5, feature('OLD_PHONE', 2)), fragment(2));
  assert.deepEqual(value([], record('Feature', 'OLD_PHONE')), undefined);
  assert.deepEqual(value(feature('OLD_PHONE', 1), feature('OLD_PHONE', [])), undefined);
  assert.deepEqual(settingValue(fragment(atom('none')), 'OLD_PHONE'), undefined);
});

test('keys of other kinds differ by their bytes', () => {
  const keys = new Set(
    [1, 2, foreignTerms['a map'] ?? [], [[1]]].map((key) => readFeature(fragment(feature(key, 'v')))?.key),
  );
  assert.equal(keys.size, 4);
});

test('atoms in id, key and group become ATOM_EXT, undefined becomes []', () => {
  const small = raw(119, 1, 97);
  const sent = record('Feature', atom('undefined'), small, small, small);
  const kept = record('Feature', [], atom('a'), small, atom('a'));
  assert.deepEqual(readFeature(fragment(sent))?.fragment, fragment(kept));
});

test('sent as a LARGE_TUPLE_EXT, or with a tag in another encoding, it is stored like any other', () => {
  const stored = fragment(feature('key', 'v'));
  const tag = fragment(atom('Feature'));
  const rest = stored.subarray(2 + tag.length);
  const large = Buffer.concat([Buffer.of(105, 0, 0, 0, 5), tag, rest]);
  assert.deepEqual(readFeature(large)?.fragment, stored);
  for (const [, other] of atomEncodings('Feature')) {
    const sent = Buffer.concat([Buffer.of(104, 5), fragment(other), rest]);
    assert.deepEqual(readFeature(sent)?.fragment, stored);
  }
});

for (const [name, term] of Object.entries<Term>({
  'a Feature of 4 elements': record('Feature', [], [], []),
  'a Feature of 6 elements': record('Feature', [], [], [], [], []),
  'another record of 5 elements': record('Link', [], [], [], []),
  'an atom': atom('Feature'),
  'a number': 1,
})) {
  test(`not a feature: ${name}`, () => {
    assert.equal(readFeature(fragment(term)), undefined);
    assert.equal(readFeatures(fragment([feature('a', 'b'), term])), undefined);
  });
}

test('an unset list is empty; an improper one, or none, is not a list', () => {
  assert.deepEqual(readFeatures(fragment([])), []);
  assert.deepEqual(readFeatures(fragment(atom('undefined'))), []);
  for (const term of [new ImproperList([feature('a', 'b')], 1), atom('a'), 1]) {
    assert.equal(readFeatures(fragment(term)), undefined);
  }
});

test('a value of [] or undefined removes its key', () => {
  for (const unset of [[] as Term, atom('undefined')]) {
    const merged = mergeFeatures(read(feature('a', '1'), feature('b', '2')), read(feature('a', unset)));
    assert.deepEqual(writeList(merged), fragment([feature('b', '2')]));
  }
});

const settings = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.constantFrom('', '1', '2')));
const featuresOf = (pairs: [string, string][]) =>
  read(...pairs.map(([key, value]) => feature(key, value === '' ? [] : value)));

test('merged settings are those of a plain dictionary, each key once', () => {
  fc.assert(
    fc.property(settings, settings, (first, second) => {
      const merged = mergeFeatures(mergeFeatures([], featuresOf(first)), featuresOf(second));
      const expected = new Map<string, string>();
      for (const [key, value] of [...first, ...second]) {
        if (value === '') expected.delete(key);
        else expected.set(key, value);
      }
      const terms = [...expected].map(([key, value]) => feature(key, value));
      assert.deepEqual(writeList(merged), fragment(terms));
    }),
  );
});

test('merging the same again changes nothing', () => {
  fc.assert(
    fc.property(settings, settings, (first, second) => {
      const once = mergeFeatures(mergeFeatures([], featuresOf(first)), featuresOf(second));
      const kept = once.map(({ key }) => key).sort();
      const twice = mergeFeatures(once, featuresOf(second));
      assert.deepEqual(twice.map(({ key }) => key).sort(), kept);
    }),
  );
});
