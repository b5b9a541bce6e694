import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/**
 * JSON lines on standard output. Nothing that a client sent is ever handed to it but shortened phones; the list of
 * redacted names is a second net below that.
 * @param mixin - gives what else each line has.
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
 * An error without what hangs on it: a client library puts the command that failed, with all that a client sent, on its
 * errors, and repeats it in their text.
 */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack, cause } = error;
  return { type: name, message, stack, ...(cause instanceof Error && { cause: cause.name }) };
}

/** Names whose values never reach a line. */
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

/** `380…233` for `380501112233`: enough to find a line, too little to call somebody. */
export function shortenPhone(phone: string): string {
  return phone.length <= 6 ? '…' : `${phone.slice(0, 3)}…${phone.slice(-3)}`;
}
