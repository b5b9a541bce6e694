import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Logger;

/**
 * JSON lines on standard output. Nothing that a client sent is ever handed to it but shortened phones; the list of
 * redacted names is a second net below that.
 */
export function openLog(level: string, destination?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: secretNames.flatMap((name) => [name, `*.${name}`]),
      censor: '[redacted]',
    },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
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
