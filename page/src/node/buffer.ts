/** The part of `node:buffer` that the codec uses, for the browser. */
import { Buffer } from 'buffer/';

export { Buffer };

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}
