import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atom, defaultLimits, encode } from '../../../src/etf/index.ts';
import { knownKinds } from '../../../src/handlers/index.ts';
import { unset } from '../../../src/protocol/fields.ts';
import { readProfile, type SentProfile, writeProfile } from '../../../src/protocol/profile.ts';
import { emptyFields, unpackProfile } from '../../../src/store/stored-profile.ts';
import { profile, roster } from '../../harness/terms.ts';
import { fragment } from '../protocol/bytes.ts';

/** A profile as `read-batch` packs it: seven lengths, then the fields. */
function pack(...fields: readonly (string | Uint8Array)[]): Buffer {
  const parts = fields.map((field) => Buffer.from(field));
  const head = Buffer.alloc(4 * parts.length);
  for (const [index, { length }] of parts.entries()) head.writeUInt32BE(length, 4 * index);
  return Buffer.concat([head, ...parts]);
}

const phone = '380501112233';
const [services, rosters, settings] = [fragment([1]), fragment([roster({})]), fragment([])];
const packed = pack(
  'v-1',
  '1700000000000',
  services,
  rosters,
  settings,
  fragment(7),
  fragment(atom('online')),
);

test('a packed profile has the fields that were packed', () => {
  assert.deepEqual(unpackProfile(packed), {
    version: 'v-1',
    update: 1_700_000_000_000,
    services: Buffer.from(services),
    rosters: Buffer.from(rosters),
    settings: Buffer.from(settings),
    balance: Buffer.from(fragment(7)),
    presence: Buffer.from(fragment(atom('online'))),
  });
});

test('what is not stored is unset; rosters that are not joined make no profile', () => {
  const bare = unpackProfile(pack('v', '0', '', rosters, '', '', ''));
  assert.ok(bare);
  assert.deepEqual([bare.services, bare.settings, bare.presence], [unset, unset, unset]);
  assert.equal(bare.balance, emptyFields.balance);
  assert.equal(unpackProfile(pack('v', '0', services, '', '', '', '')), undefined);
});

test('a spread of a stored profile is answered as the profile, with what was changed in it', () => {
  const stored = unpackProfile(packed);
  assert.ok(stored);
  const same = writeProfile(phone, { ...stored }, 'get', 8);
  assert.deepEqual(same, writeProfile(phone, stored, 'get', 8));
  const changed = writeProfile(phone, { ...stored, rosters: unset }, 'get', 8);
  assert.equal(changed.length, same.length - rosters.length + unset.length);
});

test('a spread of a sent profile is none to the compiler', () => {
  const sent = readProfile(encode(profile({ phone, status: 'get' })), defaultLimits, knownKinds);
  assert.ok(typeof sent === 'object');
  // @ts-expect-error its fields are cut out of the payload on demand, and a spread has none of them
  const spread: SentProfile = { ...sent };
  assert.equal(spread.services, undefined);
});
