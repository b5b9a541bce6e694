import { decode, type Limits } from '../../etf/index.ts';
import { contentType } from '../../protocol/content-type.ts';
import { printLines } from './erlang-lines.ts';
import type { Format } from './format.ts';
import { toJson } from './json-write.ts';

/** The MQTT 5 Content Type of each format. */
export const contentTypes: Record<Format, string> = {
  etf: contentType,
  erlang: 'text/x-erlang',
  json: 'application/json',
  hex: 'text/plain',
  base64: 'text/plain',
};

/** Write an ETF message in a format; Erlang's syntax and JSON have one element on a line. */
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

/** Answers may be larger than requests. */
export const answerLimits: Limits = {
  payloadBytes: 2 ** 28,
  nesting: 1000,
  elements: 2 ** 28,
  inflatedBytes: 2 ** 28,
};
