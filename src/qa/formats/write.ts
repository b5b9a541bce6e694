import { decode, type Limits } from '../../etf/index.ts';
import { printLines } from './erlang-lines.ts';
import type { Format } from './format.ts';
import { toJson } from './json-write.ts';

/** What MQTT 5 clients are told of a payload. */
export const contentTypes: Record<Format, string> = {
  etf: 'application/x-erlang-binary',
  erlang: 'text/x-erlang',
  json: 'application/json',
  hex: 'text/plain',
  base64: 'text/plain',
};

/** Write an ETF message in a form; in Erlang's syntax and in JSON with one element on a line. */
export function writeFormat(message: Uint8Array, format: Format): Buffer {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.length);
  switch (format) {
    case 'etf':
      return bytes;
    case 'hex':
    case 'base64':
      return Buffer.from(bytes.toString(format));
    case 'json':
      return Buffer.from(JSON.stringify(toJson(decode(message, answerLimits)), undefined, 2));
    case 'erlang':
      return Buffer.from(printLines(decode(message, answerLimits)));
  }
}

/** The worker's own answers may be larger than what it takes from a client. */
export const answerLimits: Limits = {
  payloadBytes: 2 ** 28,
  nesting: 1000,
  elements: 2 ** 28,
  inflatedBytes: 2 ** 28,
};
