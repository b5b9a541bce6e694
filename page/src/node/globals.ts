/** Sets Node's global `Buffer`, which the codec uses; imported before the codec. */
import { Buffer } from './buffer.ts';

Object.assign(globalThis, { Buffer });
