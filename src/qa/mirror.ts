import { decode, type Limits, type Term } from '../etf/index.ts';
import { printLines } from './formats/erlang-lines.ts';
import type { Format } from './formats/format.ts';
import { toJson } from './formats/json-write.ts';
import { redact } from './redact.ts';

/** What a mirrored message says of the one that it shows. */
export interface Shown {
  readonly form: Format;
  /** The payload as it was sent, in bytes. */
  readonly bytes: number;
  /** From the request's arrival to this answer being published. */
  readonly milliseconds?: number;
  readonly redelivered?: true;
  /** The ETF message; `undefined` for what could not be read. */
  readonly message: Uint8Array | undefined;
  /** Beyond these a message is not looked into. */
  readonly limits: Limits;
  /** Why it could not be read, or is no request. */
  readonly because?: string | undefined;
}

/** `qa/<side>/<client>/<request>`; an empty level is `-`, for a topic that ends with `/` is easily overlooked. */
export function mirrorTopic(side: 'req' | 'rep', client: string, request: string): string {
  return `qa/${side}/${client || '-'}/${request || '-'}`;
}

/** Where notices to a phone are mirrored. */
export function noticeMirrorTopic(phone: string): string {
  return `qa/ses/${phone}`;
}

/** MQTT Explorer keeps about 15 KB of a topic's history, and history is what one wants to compare. */
const maxBytes = 6 * 1024;

/**
 * A message as JSON, a line for each line of Erlang text; secrets are redacted.
 * Of one that would need more than 6 KB the term is left out and the text cut; it begins with `"truncated": true`.
 */
export function mirrored({ message, limits, ...about }: Shown, at: Date): Buffer {
  const head = { at: at.toISOString(), ...about };
  const term = message === undefined ? undefined : decodeIfTerm(message, limits);
  if (term === undefined) return json(head);
  const safe = redact(term);
  const text = printLines(safe).split('\n');
  const whole = json({ ...head, text, term: toJson(safe) });
  return whole.length <= maxBytes ? whole : truncated(head, text);
}

function truncated(head: object, text: readonly string[]): Buffer {
  const kept: string[] = [];
  let room = maxBytes - json({ truncated: true, ...head, text: ['…'] }).length;
  for (const line of text) {
    const cut = line.length > maxLine ? `${Array.from(line.slice(0, maxLine)).slice(0, -1).join('')}…` : line;
    room -= Buffer.byteLength(JSON.stringify(cut)) + lineOverhead;
    if (room < 0) break;
    kept.push(cut);
  }
  return json({ truncated: true, ...head, text: [...kept, '…'] });
}

/** Indentation, comma and end of line. */
const lineOverhead = 6;
const maxLine = 1024;

function json(value: object): Buffer {
  return Buffer.from(JSON.stringify(value, undefined, 2));
}

function decodeIfTerm(message: Uint8Array, limits: Limits): Term | undefined {
  try {
    return decode(message, limits);
  } catch {
    return undefined;
  }
}
