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
 * End the process at an error that nothing has caught: its state is unknown then, and the brokers redeliver what it has not
 * acknowledged. Node would print the error with all its fields, and those of a client library hold what clients sent.
 */
export function exitOnUncaughtErrors(log: Log): void {
  const exit = (err: unknown): never => {
    log.fatal({ err }, 'stopped by an error that nothing has caught: the broker redelivers what is left');
    process.exit(1);
  };
  process.on('uncaughtException', exit);
  process.on('unhandledRejection', exit);
}

/**
 * An error without its other fields. Client libraries add the failed command to an error, with all that a client sent.
 */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack, cause } = error;
  return {
    type: name,
    message: withoutArguments(message),
    stack: stack && withoutArguments(stack),
    ...(cause instanceof Error && { cause: cause.name }),
  };
}

/** Redis quotes the arguments of a command that it does not know. */
function withoutArguments(text: string): string {
  return text.replaceAll(/, with args beginning with: .*/g, '');
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
