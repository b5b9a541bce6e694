import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { sealer } from '../../../src/store/encryption.ts';

const bytes = fc.uint8Array({ maxLength: 600 }).map((array) => Buffer.from(array));
const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((array) => Buffer.from(array));

test('what was sealed opens again under the same context, and only there', () => {
  fc.assert(
    fc.property(key, bytes, fc.string(), fc.string(), (secret, plain, context, other) => {
      const { seal, open } = sealer([secret]);
      const sealed = seal(plain, context);
      assert.deepEqual(open(sealed, context), plain);
      if (other !== context) assert.equal(open(sealed, other), undefined);
    }),
  );
});

test('a record with any one bit flipped does not open', () => {
  const { seal, open } = sealer([randomBytes(32)]);
  const sealed = seal(Buffer.from('forty-two characters of something secret..'), 'aws:{380501112233}');
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const altered = Buffer.from(sealed);
    altered.writeUInt8(altered.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    assert.equal(open(altered, 'aws:{380501112233}'), undefined, `bit ${bit}`);
  }
});

test('a record cut off anywhere, longer than it was, or of random bytes does not open and does not throw', () => {
  const { seal, open } = sealer([randomBytes(32)]);
  const sealed = seal(Buffer.from('secret'), 'here');
  for (let length = 0; length < sealed.length; length++) {
    assert.equal(open(sealed.subarray(0, length), 'here'), undefined, `${length} bytes`);
  }
  assert.equal(open(Buffer.concat([sealed, Buffer.of(0)]), 'here'), undefined);
  fc.assert(fc.property(bytes, (random) => assert.equal(open(random, 'here'), undefined)));
});

test('after a rotation the old records open still, and new ones are sealed with the new key alone', () => {
  const [old, fresh, foreign] = [randomBytes(32), randomBytes(32), randomBytes(32)];
  const before = sealer([old]).seal(Buffer.from('old'), 'here');
  const rotated = sealer([fresh, old]);
  const after = rotated.seal(Buffer.from('new'), 'here');

  assert.equal(rotated.open(before, 'here')?.toString(), 'old');
  assert.equal(rotated.open(after, 'here')?.toString(), 'new');
  assert.equal(sealer([fresh]).open(after, 'here')?.toString(), 'new');
  assert.equal(sealer([old]).open(after, 'here'), undefined);
  assert.equal(sealer([foreign]).open(before, 'here'), undefined);
});

test('the same record sealed twice shares no nonce and no ciphertext, and shows neither plain text nor key', () => {
  const secret = randomBytes(32);
  const { seal } = sealer([secret]);
  const plain = Buffer.from('the same text, long enough to be found again');
  const [one, two] = [seal(plain, 'here'), seal(plain, 'here')];
  const head = 9;
  assert.deepEqual(one.subarray(0, head), two.subarray(0, head));
  assert.notDeepEqual(one.subarray(head, head + 12), two.subarray(head, head + 12));
  assert.notDeepEqual(one.subarray(head + 28), two.subarray(head + 28));
  assert.equal(one.length, head + 12 + 16 + plain.length);
  assert.equal(one.includes(plain.subarray(0, 8)), false);
  assert.equal(one.includes(secret.subarray(0, 8)), false);
});

test('no key, or a key that is not 32 bytes long, is refused without being told', () => {
  assert.throws(() => sealer([]), RangeError);
  const short = Buffer.from('a key that is too short');
  assert.throws(
    () => sealer([randomBytes(32), short]),
    (error: Error) => error instanceof RangeError && !error.message.includes(short.toString()),
  );
});
