/** The codec uses Node's global `Buffer`; imported before the codec is. */
import { Buffer } from './buffer.ts';

Object.assign(globalThis, { Buffer });
