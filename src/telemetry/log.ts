import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/**
 * A log of JSON lines on standard output. Callers pass nothing that a client sent except shortened phones. The redacted
 * names are a second safeguard.
 * @param mixin - returns more fields for each line.
 */
export function openLog(
  level: string,
  destination?: DestinationStream,
  mixin?: () => Record<string, string>,
): Log {
  const options = {
    ...(mixin && { mixin }),
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: describeError },
    redact: {
      paths: secretNames.flatMap((name) => [name, `*.${name}`]),
      censor: '[redacted]',
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

/**
 * An error without its other fields. Client libraries add the failed command to an error, with all that a client sent.
 */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack, cause } = error;
  return { type: name, message, stack, ...(cause instanceof Error && { cause: cause.name }) };
}

/** Names of fields that are redacted. */
const secretNames = [
  'code',
  'credentials',
  'email',
  'password',
  'payload',
  'secretAccessKey',
  'sessionToken',
  'token',
];
