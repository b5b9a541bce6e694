import { buffer } from 'node:stream/consumers';
import { decode, print } from '../etf/index.ts';
import type { Format } from '../qa/formats/format.ts';
import { readFormat } from '../qa/formats/read.ts';
import { answerLimits } from '../qa/formats/write.ts';
import { redact } from '../qa/redact.ts';
import { readWhole } from './files.ts';
import { termOf } from './message.ts';
import { shorten } from './shorten.ts';
import { CliFault } from './terminal.ts';

export const formats: readonly Format[] = ['erlang', 'json', 'hex', 'base64', 'etf'];

/** The input of a command: an argument, else a file, else standard input, for which `-` stands too. */
export async function readInput(argument: string | undefined, file: string | undefined): Promise<Buffer> {
  if (argument !== undefined && file !== undefined)
    throw new CliFault('the payload is an argument or in --file, not both');
  if (argument !== undefined && argument !== '-') return Buffer.from(argument);
  if (file === undefined || file === '-') return buffer(process.stdin);
  return readWhole(file);
}

/** Read a payload of any format as an ETF message. @throws CliFault with the place and the reason. */
export function toMessage(payload: Uint8Array): Uint8Array {
  const { message, reason } = readFormat(payload, answerLimits);
  if (message === undefined) throw new CliFault(reason);
  try {
    decode(message, answerLimits);
  } catch (error) {
    throw new CliFault(`this is no term: ${error instanceof Error ? error.message : 'unreadable'}`);
  }
  return message;
}

/** Any payload on one line, with or without its secrets; `short` cuts long lists. */
export function inOneLine(
  payload: Uint8Array,
  secrets: 'shown' | 'redacted',
  length: 'short' | 'full' = 'full',
): string {
  const term = termOf(payload);
  if (term !== undefined) {
    const part = length === 'short' ? shorten(term) : term;
    return print(secrets === 'shown' ? part : redact(part));
  }
  // A payload that is no term is shown as bytes.
  return secrets === 'shown' ? print(payload) : `% ${payload.length} bytes that are no term`;
}
