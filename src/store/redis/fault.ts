/**
 * Redis failed under us. Thrown, never answered as it is: `src/pipeline/worker.ts` alone decides what the client hears.
 * The message names the error's kind, never a command or its arguments, as those hold what clients sent.
 */
export class Fault extends Error {
  override readonly name = 'Fault';

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/**
 * Whether an error comes of what stands under a key, and not of the server: other keys may be well, and the same command on this
 * one fails again.
 */
export function isOfRecord(error: unknown): boolean {
  const isOfRedis = error instanceof Fault && error.message.startsWith('redis: ');
  return !isOfRedis || error.message === 'redis: WRONGTYPE';
}
