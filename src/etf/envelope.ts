import { inflateSync } from 'node:zlib';
import { EtfError, type Limits } from './errors.ts';
import { uint32 } from './integers.ts';

const VERSION = 131;
const COMPRESSED = 80;
const COMPRESSED_HEAD = 6;

/**
 * Opens a message: its term starts at `start` and must reach to the end of `bytes`.
 * @throws EtfError if it is too large, of another version, or does not inflate to the size it declares.
 */
export function openEnvelope(message: Uint8Array, limits: Limits): { bytes: Uint8Array; start: number } {
  if (message.length > limits.payloadBytes) throw new EtfError('payload_too_large', limits.payloadBytes);
  if (message[0] !== VERSION) throw new EtfError(message.length === 0 ? 'truncated' : 'bad_version', 0);
  if (message[1] === COMPRESSED) return { bytes: inflate(message, limits.inflatedBytes), start: 0 };
  return { bytes: plain(message), start: 1 };
}

/** How many bytes `openEnvelope` would read of a message, known without reading it. */
export function messageBytes(message: Uint8Array, limits: Limits): number {
  const { length } = message;
  if (message[1] !== COMPRESSED || message[0] !== VERSION || length < COMPRESSED_HEAD) return length;
  if (length > limits.payloadBytes) return length;
  const declared = uint32(message, 2);
  return declared > limits.inflatedBytes ? length : Math.max(length, declared);
}

/** A Buffer reads the same but is another class. With one class only, V8 keeps the fast path of every read. */
export function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

function inflate(message: Uint8Array, maxBytes: number): Uint8Array {
  if (message.length < COMPRESSED_HEAD) throw new EtfError('truncated', message.length);
  const declared = uint32(message, 2);
  if (declared > maxBytes) throw new EtfError('inflated_too_large', 2);
  const inflated = inflateExactly(message.subarray(COMPRESSED_HEAD), declared);
  if (inflated === undefined) throw new EtfError('bad_compression', COMPRESSED_HEAD);
  return plain(inflated);
}

/** Inflates one zlib stream of exactly this size with nothing after it; `undefined` for any other input. */
function inflateExactly(input: Uint8Array, size: number): Uint8Array | undefined {
  if (size === 0) return undefined;
  try {
    const result = inflateSync(input, { info: true, maxOutputLength: size }) as unknown as InflateResult;
    const complete = result.buffer.length === size && result.engine.bytesWritten === input.length;
    return complete ? result.buffer : undefined;
  } catch {
    return undefined;
  }
}

/** What `info: true` makes zlib return; its types leave this out. */
interface InflateResult {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
}
