import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { cipherWith } from '../../../src/store/encryption.ts';

const bytes = fc.uint8Array({ maxLength: 600 }).map((array) => Buffer.from(array));
const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((array) => Buffer.from(array));

test('an encrypted record decrypts under the same context, and only there', () => {
  fc.assert(
    fc.property(key, bytes, fc.string(), fc.string(), (secret, plain, context, other) => {
      const { encrypt, decrypt } = cipherWith([secret]);
      const encrypted = encrypt(plain, context);
      assert.deepEqual(decrypt(encrypted, context), plain);
      if (other !== context) assert.equal(decrypt(encrypted, other), undefined);
    }),
  );
});

test('a record with any one bit flipped does not decrypt', () => {
  const { encrypt, decrypt } = cipherWith([randomBytes(32)]);
  const encrypted = encrypt(Buffer.from('forty-two characters of something secret..'), 'aws:{380501112233}');
  for (let bit = 0; bit < encrypted.length * 8; bit++) {
    const altered = Buffer.from(encrypted);
    altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    assert.equal(decrypt(altered, 'aws:{380501112233}'), undefined, `bit ${bit}`);
  }
});

test('a record that is cut off, longer than it was, or random does not decrypt and does not throw', () => {
  const { encrypt, decrypt } = cipherWith([randomBytes(32)]);
  const encrypted = encrypt(Buffer.from('secret'), 'here');
  for (let length = 0; length < encrypted.length; length++) {
    assert.equal(decrypt(encrypted.subarray(0, length), 'here'), undefined, `${length} bytes`);
  }
  assert.equal(decrypt(Buffer.concat([encrypted, Buffer.of(0)]), 'here'), undefined);
  fc.assert(fc.property(bytes, (random) => assert.equal(decrypt(random, 'here'), undefined)));
});

test('after a rotation the old records still decrypt, and new ones are encrypted with the new key only', () => {
  const [old, fresh, foreign] = [randomBytes(32), randomBytes(32), randomBytes(32)];
  const before = cipherWith([old]).encrypt(Buffer.from('old'), 'here');
  const rotated = cipherWith([fresh, old]);
  const after = rotated.encrypt(Buffer.from('new'), 'here');

  assert.equal(rotated.decrypt(before, 'here')?.toString(), 'old');
  assert.equal(rotated.decrypt(after, 'here')?.toString(), 'new');
  assert.equal(cipherWith([fresh]).decrypt(after, 'here')?.toString(), 'new');
  assert.equal(cipherWith([old]).decrypt(after, 'here'), undefined);
  assert.equal(cipherWith([foreign]).decrypt(before, 'here'), undefined);
});

test('the same record encrypted twice shares no nonce and no ciphertext, and shows neither plain text nor key', () => {
  const secret = randomBytes(32);
  const { encrypt } = cipherWith([secret]);
  const plain = Buffer.from('the same text, long enough to be found again');
  const [one, two] = [encrypt(plain, 'here'), encrypt(plain, 'here')];
  const head = 9;
  assert.deepEqual(one.subarray(0, head), two.subarray(0, head));
  assert.notDeepEqual(one.subarray(head, head + 12), two.subarray(head, head + 12));
  assert.notDeepEqual(one.subarray(head + 28), two.subarray(head + 28));
  assert.equal(one.length, head + 12 + 16 + plain.length);
  assert.equal(one.includes(plain.subarray(0, 8)), false);
  assert.equal(one.includes(secret.subarray(0, 8)), false);
});

test('a missing key, or one that is not 32 bytes long, is refused without its value', () => {
  assert.throws(() => cipherWith([]), RangeError);
  const short = Buffer.from('a key that is too short');
  assert.throws(
    () => cipherWith([randomBytes(32), short]),
    (error: Error) => error instanceof RangeError && !error.message.includes(short.toString()),
  );
});
