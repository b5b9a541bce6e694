/**
 * Replaces `node:zlib`. Browsers inflate asynchronously, but the codec needs it synchronously. No worker compresses.
 */
export function inflateSync(): never {
  throw new Error('compressed terms are not read here');
}
