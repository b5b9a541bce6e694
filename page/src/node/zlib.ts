/** In the place of `node:zlib`: browsers inflate only with time, the codec wants it at once. No worker compresses. */
export function inflateSync(): never {
  throw new Error('compressed terms are not read here');
}
