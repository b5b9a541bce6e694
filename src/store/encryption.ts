import { createCipheriv, createDecipheriv, createHash, createSecretKey, randomBytes } from 'node:crypto';

const algorithm = 'aes-256-gcm';
const version = 1;
const keyBytes = 32;
const keyIdBytes = 8;
const nonceBytes = 12;
const tagBytes = 16;
const nonceAt = 1 + keyIdBytes;
const tagAt = nonceAt + nonceBytes;
const textAt = tagAt + tagBytes;

export interface Cipher {
  /**
   * Encrypt with the first key under a fresh random nonce.
   * @param context - where the record belongs, such as its Redis key; authenticated, not stored.
   * @returns version (1 byte), key id (8), nonce (12), tag (16), ciphertext (as long as `plain`).
   */
  encrypt(plain: Buffer, context: string): Buffer;
  /** @returns what was sealed for this context; `undefined` if a bit differs or no key of ours sealed it. Never throws. */
  decrypt(encrypted: Buffer, context: string): Buffer | undefined;
}

/**
 * Encryption of what Redis keeps but must not be readable there: AES-256-GCM, NIST SP 800-38D.
 * A record sealed for one context doesn't open under another, so copying it to another phone's key gains nothing.
 *
 * To rotate: put the new key first and keep the old ones behind it until all that they sealed has expired.
 * @param keys - 32 bytes each; the first seals, all open.
 * @throws RangeError without a key, or with one of another length; the message holds no key.
 * @see docs/protocol.md, "aws"
 */
export function cipherWith(keys: readonly Buffer[]): Cipher {
  const [first] = keys;
  if (first === undefined) throw new RangeError('sealing needs at least one key');
  if (keys.some((key) => key.length !== keyBytes))
    throw new RangeError(`a sealing key has ${keyBytes} bytes`);

  const sealingKey = createSecretKey(first);
  const sealingHead = Buffer.concat([Buffer.of(version), keyId(first)]);
  const byId = new Map(keys.map((key) => [keyId(key).toString('hex'), createSecretKey(key)]));

  return {
    encrypt(plain, context) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, sealingKey, nonce, { authTagLength: tagBytes });
      cipher.setAAD(Buffer.from(context, 'utf8'));
      const text = Buffer.concat([cipher.update(plain), cipher.final()]);
      return Buffer.concat([sealingHead, nonce, cipher.getAuthTag(), text]);
    },

    decrypt(encrypted, context) {
      if (encrypted.length < textAt || encrypted[0] !== version) return undefined;
      const key = byId.get(encrypted.toString('hex', 1, nonceAt));
      if (key === undefined) return undefined;
      const nonce = encrypted.subarray(nonceAt, tagAt);
      const decipher = createDecipheriv(algorithm, key, nonce, { authTagLength: tagBytes });
      decipher.setAAD(Buffer.from(context, 'utf8'));
      decipher.setAuthTag(encrypted.subarray(tagAt, textAt));
      const plain = decipher.update(encrypted.subarray(textAt));
      try {
        return Buffer.concat([plain, decipher.final()]);
      } catch {
        // A tag that doesn't fit is node:crypto's only error here: foreign or altered, the caller asks STS again.
        return undefined;
      }
    },
  };
}

/** Names a key without telling it, so that a record finds its key after a rotation without trying all. */
function keyId(key: Buffer): Buffer {
  return createHash('sha256').update(key).digest().subarray(0, keyIdBytes);
}
